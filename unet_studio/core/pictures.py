"""Opens plain pictures: PNG, JPEG, BMP and whatever else of that sort hides behind their names.

Colour profiles are ignored, and of an animation only the first picture counts.
"""

from pathlib import Path

import cv2
import numpy as np
from PIL import Image

from unet_studio.core.reading_errors import EXPORT_PLAIN, check_bytes, explained, unreadable
from unet_studio.core.slide_reader import Pixels, SlideInfo, SlideReader, WholeSlideReader, turn

# Named, because among the other kinds that Pillow knows are programs in PostScript.
_FORMATS = ("PNG", "JPEG", "MPO", "BMP", "DIB", "GIF", "WEBP")
_GREY_MODES = ("1", "L", "LA", "La")
_ORIENTATION = 0x0112
_PNG_GREY = (0, 4)  # without and with alpha

# Pillow would refuse pictures that check_bytes allows.
Image.MAX_IMAGE_PIXELS = None


class _Picture(WholeSlideReader):
    """A decoded picture: a slide of one plane."""

    def __init__(self, path: Path, pixels: Pixels) -> None:
        height, width, channels = pixels.shape
        super().__init__(path, SlideInfo(1, height, width, channels, pixels.dtype, None))
        self._pyramids[0] = [pixels]

    def _decode(self, plane: int) -> Pixels:
        raise AssertionError("the only plane stays in memory")


def open_picture(path: Path) -> SlideReader:
    """Decode the picture at `path`: grey or RGB, uint8 or uint16, turned the way its EXIF data asks for.

    Raises SlideError if it is no picture, is damaged, ends too early, or is too large to be decoded whole.
    """
    with explained(path), Image.open(path, formats=_FORMATS) as image:
        if 0 in image.size:
            raise unreadable(path, "it has no pixels", EXPORT_PLAIN)
        depth, colour_type = _png_header(path)
        check_bytes(path, image.width * image.height * len(image.getbands()) * depth // 8)
        # Pillow gives 8 of 16 bits of a PNG, but alone it tells a truncated or altered file from a whole one.
        image.load()
        pixels = _decode_deep(path, colour_type) if depth == 16 else _decode(image)
        return _Picture(path, turn(pixels, _orientation(image)))


def _decode(image: Image.Image) -> Pixels:
    pixels: Pixels = np.asarray(image.convert("L" if image.mode in _GREY_MODES else "RGB"))
    return pixels.reshape(image.height, image.width, -1)


def _decode_deep(path: Path, colour_type: int) -> Pixels:
    """Pixels of a PNG with 16 bits a channel, grey or RGB."""
    pixels: Pixels | None = cv2.imdecode(np.fromfile(path, np.uint8), cv2.IMREAD_UNCHANGED)
    if pixels is None:
        raise unreadable(path, "it's damaged", EXPORT_PLAIN)
    if pixels.ndim == 2:
        return pixels[:, :, np.newaxis]
    # OpenCV has blue first, and repeats grey three times where alpha follows.
    return pixels[:, :, :1] if colour_type in _PNG_GREY else pixels[:, :, 2::-1]


def _png_header(path: Path) -> tuple[int, int]:
    """Bits a channel and colour type of a PNG; 8 and 2, as for most pictures, if it's something else."""
    with path.open("rb") as file:
        header = file.read(26)
    return (header[24], header[25]) if header.startswith(b"\x89PNG") else (8, 2)


def _orientation(image: Image.Image) -> int:
    try:
        return int(image.getexif().get(_ORIENTATION, 1))
    except Exception:  # damaged EXIF data doesn't make the pixels worse
        return 1
