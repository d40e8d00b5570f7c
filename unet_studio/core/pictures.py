"""Opens plain pictures: PNG, JPEG, BMP and whatever else of that sort hides behind their names.

Colour profiles are ignored, and of an animation only the first picture counts.
"""

import struct
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from PIL import Image

from unet_studio.core.reading_errors import EXPORT_PLAIN, check_bytes, explained, unreadable
from unet_studio.core.slide_reader import Pixels, SlideInfo, SlideReader, WholeSlideReader, turn

# Named, because among the other kinds that Pillow knows are programs in PostScript.
_FORMATS = ("PNG", "JPEG", "MPO", "BMP", "DIB", "GIF", "WEBP")
_ORIENTATION = 0x0112
# Pillow's mode, and the one to turn it into; the rest becomes RGB.
_GREY_MODES = {"1": "L", "L": "L", "LA": "L", "La": "L", "I;16": "I;16", "I": "F", "F": "F"}

# Pillow refuses what check_bytes allows, and warns of it where nobody looks.
Image.MAX_IMAGE_PIXELS = None


class _Picture(WholeSlideReader):
    """A decoded picture: a slide of one plane."""

    def __init__(self, path: Path, pixels: Pixels) -> None:
        height, width, channels = pixels.shape
        super().__init__(path, SlideInfo(1, height, width, channels, pixels.dtype, None))
        self._pixels = pixels

    def _decode(self, plane: int) -> Pixels:
        return self._pixels

    def _release(self) -> None:
        super()._release()
        del self._pixels


def open_picture(path: Path) -> SlideReader:
    """Decode the picture at `path`: grey or RGB, uint8 or uint16, turned the way its EXIF data asks for.

    Raises SlideError if it is no picture, is damaged, ends too early, or is too large to be decoded whole.
    """
    with explained(path), Image.open(path, formats=_FORMATS) as image:
        if 0 in image.size:
            raise unreadable(path, "it has no pixels", EXPORT_PLAIN)
        check_bytes(path, image.width * image.height * len(image.getbands()))
        # Where a PNG has 16 bits a channel, Pillow gives 8: it then only checks that the file is whole.
        image.load()
        pixels = _decode_deep(path) if _is_deep_png(path) else _decode(image)
        return _Picture(path, turn(pixels, _orientation(image)))


def _decode(image: Image.Image) -> Pixels:
    mode = _GREY_MODES.get(image.mode, "RGB")
    pixels: Pixels = np.asarray(image if image.mode == mode else image.convert(mode))
    return pixels.reshape(image.height, image.width, -1)


def _decode_deep(path: Path) -> Pixels:
    pixels: Pixels | None = cv2.imdecode(np.fromfile(path, np.uint8), cv2.IMREAD_UNCHANGED)
    if pixels is None:
        raise unreadable(path, "it's damaged", EXPORT_PLAIN)
    if pixels.ndim == 2:
        return pixels[:, :, np.newaxis]
    return pixels[:, :, 2::-1]  # blue, green, red and perhaps alpha
