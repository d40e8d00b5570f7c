"""Opens plain pictures: PNG, JPEG, BMP and whatever else of that sort hides behind their names.

Colour profiles are ignored, and of an animation only the first picture counts.
"""

from pathlib import Path

import numpy as np
from PIL import Image

from unet_studio.core.slides.deep_png import decode_deep_png, is_deep_png
from unet_studio.core.slides.reader import Pixels, SlideInfo, SlideReader, WholeSlideReader, turn
from unet_studio.core.slides.reading_errors import EXPORT_PLAIN, check_bytes, explained, unreadable

# Named, because among the other kinds that Pillow knows are programs in PostScript.
_FORMATS = ("PNG", "JPEG", "BMP", "DIB", "GIF", "WEBP")
_GREY_MODES = ("1", "L", "LA", "La")
_ORIENTATION = 0x0112
_BAND = 256  # rows turned into pixels at once: Pillow copies twice on the way

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
        deep = is_deep_png(path)
        check_bytes(path, image.width * image.height * len(image.getbands()) * (2 if deep else 1))
        pixels = decode_deep_png(path) if deep else _decode(image)
        return _Picture(path, turn(pixels, _orientation(image)))


def _decode(image: Image.Image) -> Pixels:
    mode = "L" if image.mode in _GREY_MODES else "RGB"
    pixels = np.empty((image.height, image.width, len(mode)), np.uint8)
    for y in range(0, image.height, _BAND):
        band = image.crop((0, y, image.width, min(y + _BAND, image.height))).convert(mode)
        pixels[y : y + _BAND] = np.asarray(band).reshape(-1, image.width, len(mode))
    return pixels


def _orientation(image: Image.Image) -> int:
    try:
        return int(image.getexif().get(_ORIENTATION, 1))
    except Exception:  # damaged EXIF data doesn't make the pixels worse
        return 1
