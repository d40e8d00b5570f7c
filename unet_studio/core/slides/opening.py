"""Opens slides of every kind; `SlideReader` and `SlideInfo` say what can be done with one.

A mask is a file of the same kinds and is read by the same rules, but for what its samples mean: `read_stored`.
"""

from pathlib import Path
from typing import Any

from numpy.typing import NDArray

from unet_studio.core.slides.reader import SlideInfo, SlideReader
from unet_studio.core.slides.reading_errors import COPY_AGAIN, explained, unreadable

__all__ = ["SlideInfo", "SlideReader", "open_slide", "read_stored"]

_TIFF_STARTS = (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")


def open_slide(path: Path) -> SlideReader:
    """Open the slide at `path`: PNG, JPEG, BMP, TIFF or SVS, told by its content rather than its name.

    Raises SlideError, which says what is wrong and what to do, if it can't be read.
    """
    if _is_tiff(path):
        from unet_studio.core.slides.tiff.opening import open_tiff

        return open_tiff(path)
    from unet_studio.core.slides.pictures import open_picture

    return open_picture(path)


def read_stored(path: Path) -> NDArray[Any]:
    """All samples of the file at `path` as stored, (planes, height, width, samples): palette indices, alpha and any
    kind of numbers stay what they are.

    Planes, their order and which way is up are those of the slide that `open_slide` opens. Raises SlideError as it
    does, and where all planes together take too much memory.
    """
    if _is_tiff(path):
        from unet_studio.core.slides.tiff.opening import read_stored_tiff

        return read_stored_tiff(path)
    from unet_studio.core.slides.pictures import read_stored_picture

    return read_stored_picture(path)


# tifffile and Pillow take a tenth of a second to load, and the window opens without a slide: who asks imports them.
def _is_tiff(path: Path) -> bool:
    with explained(path), path.open("rb") as file:
        start = file.read(4)
    if not start:
        raise unreadable(path, "it is empty", COPY_AGAIN)
    return start in _TIFF_STARTS
