"""Finding the slides of a folder and reading their pixels. What becomes of the pixels is not decided here."""

import logging

# tifffile and imagecodecs remark on odd files, and Python prints what nobody handles on the terminal.
for _library in ("tifffile", "imagecodecs"):
    logging.getLogger(_library).addHandler(logging.NullHandler())
