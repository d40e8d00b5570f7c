"""Opens plain pictures: PNG, JPEG, BMP, GIF and WebP, told by content rather than name.

Colour profiles are ignored, and of an animation only the first picture counts.
"""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from unet_studio.core.slides.image_files import check_png, decode_png, open_image, png_kind
from unet_studio.core.slides.reader import EagerReader, Pixels, SlideInfo, SlideReader, turn
from unet_studio.core.slides.reading_errors import EXPORT_PLAIN, NOT_AN_IMAGE, check_bytes, explained, unreadable

if TYPE_CHECKING:
    from PIL.Image import Image

_GREY_MODES = ("1", "L", "LA", "La")
_ORIENTATION = 0x0112
_BAND_PIXELS = 2**20  # turned into an array at once: Pillow copies twice on the way


class _Picture(EagerReader):
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
    return _Picture(path, _read(path, _decode_deep, _decode))


def read_stored_picture(path: Path) -> Pixels:
    """The samples of a picture as `opening.read_stored` has them, (1, h, w, samples); raises as `open_picture`."""
    return _read(path, decode_png, _decode_stored)[np.newaxis]


def _read(path: Path, decode_deep: Callable[[bytes], Pixels], decode: "Callable[[Path, Image], Pixels]") -> Pixels:
    """(h, w, samples) the right way up: by `decode_deep` of a PNG with 16 bits, by `decode` of all else."""
    with explained(path), path.open("rb") as file:
        is_deep = png_kind(file)[0] == 16
        image = open_image(file)
        if image is None:
            raise unreadable(path, NOT_AN_IMAGE, EXPORT_PLAIN)
        if 0 in image.size:
            raise unreadable(path, "it has no pixels", EXPORT_PLAIN)
        check_bytes(path, image.width * image.height * len(image.getbands()) * (2 if is_deep else 1))
        if not is_deep:
            return turn(decode(path, image), _orientation(image))
        orientation = _orientation(image)
        image.close()  # its own 8 bits take memory
        return turn(_with_samples(decode_deep(path.read_bytes())), orientation)


def _decode(path: Path, image: "Image") -> Pixels:
    """(h, w, 1 or 3) uint8, without alpha."""
    mode = "L" if image.mode in _GREY_MODES else "RGB"
    image.info.pop("transparency", None)  # of a palette: Pillow would warn that it is lost
    pixels = np.empty((image.height, image.width, len(mode)), np.uint8)
    rows = max(1, _BAND_PIXELS // image.width)
    for y in range(0, image.height, rows):
        band = image.crop((0, y, image.width, min(y + rows, image.height))).convert(mode)
        pixels[y : y + rows] = np.asarray(band).reshape(-1, image.width, len(mode))
    return pixels


def _decode_deep(png: bytes) -> Pixels:
    """(h, w, 1 or 3) uint16, without alpha, of a PNG with 16 bits."""
    pixels = _with_samples(decode_png(png))
    return pixels[:, :, :1] if pixels.shape[2] == 2 else pixels[:, :, :3]


def _decode_stored(path: Path, image: "Image") -> Pixels:
    """(h, w, samples) uint8: of a PNG the samples themselves, of other kinds grey or RGB."""
    with path.open("rb") as file:
        depth, has_palette = png_kind(file)
    if depth == 8 and not has_palette:
        return _with_samples(decode_png(path.read_bytes()))
    if depth:
        check_png(path.read_bytes())
    image.info.pop("transparency", None)
    if has_palette:
        return _with_samples(np.asarray(image))
    if depth:  # Pillow stretches fewer bits than 8 to 0…255
        return _with_samples(np.asarray(image.convert("L")) // (255 // (2**depth - 1)))
    return _with_samples(np.asarray(image.convert("L" if image.mode in ("1", "L") else "RGB")))


def _with_samples(pixels: Pixels) -> Pixels:
    """(h, w, samples) of (h, w) or (h, w, samples)."""
    return pixels.reshape(*pixels.shape[:2], -1)


def _orientation(image: "Image") -> int:
    try:
        return int(image.getexif().get(_ORIENTATION, 1))
    except Exception:  # damaged EXIF data doesn't make the pixels worse
        return 1
