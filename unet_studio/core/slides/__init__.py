"""Finding the slides of a folder and reading their pixels. What becomes of the pixels is not decided here."""

import logging

# tifffile and imagecodecs log warnings about unusual files, and without a handler Python prints them to stderr.
for _library in ("tifffile", "imagecodecs"):
    logging.getLogger(_library).addHandler(logging.NullHandler())
