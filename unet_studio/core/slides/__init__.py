"""Finding the slides of a folder and reading their pixels. What becomes of the pixels is not decided here."""
