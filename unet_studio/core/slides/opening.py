"""Opens slides of every kind; `SlideReader` and `SlideInfo` say what can be done with one."""

from pathlib import Path

from unet_studio.core.slides.reader import SlideInfo, SlideReader
from unet_studio.core.slides.reading_errors import COPY_AGAIN, explained, unreadable

__all__ = ["SlideInfo", "SlideReader", "open_slide"]

_TIFF_STARTS = (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")


def open_slide(path: Path) -> SlideReader:
    """Open the slide at `path`: PNG, JPEG, BMP, TIFF or SVS, told by its content rather than its name.

    Raises SlideError, which says what is wrong and what to do, if it can't be read.
    """
    with explained(path), path.open("rb") as file:
        start = file.read(4)
    if not start:
        raise unreadable(path, "it is empty", COPY_AGAIN)
    # tifffile and Pillow take a tenth of a second to load, and the window opens without a slide.
    if start in _TIFF_STARTS:
        from unet_studio.core.slides.tiff.opening import open_tiff

        return open_tiff(path)
    from unet_studio.core.slides.pictures import open_picture

    return open_picture(path)
