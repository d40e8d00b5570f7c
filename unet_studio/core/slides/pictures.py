"""Opens plain pictures: PNG, JPEG, BMP, GIF and WebP, told by content rather than name.

Colour profiles are ignored, and of an animation only the first picture counts.
"""

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from unet_studio.core.slides.budget import EXPORT_TILED_OR_CROP, MASK_REMEDY, check_bytes, fits
from unet_studio.core.slides.image_files import check_png, decode_png, open_image, png_kind
from unet_studio.core.slides.reader import EagerReader, Pixels, SlideInfo, SlideReader, pyramid_bytes, turn
from unet_studio.core.slides.reading_errors import EXPORT_PLAIN, NOT_AN_IMAGE, explained, unreadable

if TYPE_CHECKING:
    from PIL.Image import Image

_GREY_MODES = ("1", "L", "LA", "La")
_BYTE_MODES = ("1", "L", "P")  # Pillow keeps a pixel of these in one byte, of all others in up to four
_DECODER_BYTES = {"BMP": 2, "DIB": 2, "WEBP": 12}  # that Pillow's decoders take besides, for each pixel
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
    return _Picture(path, _read(path, stored=False))


def read_stored_picture(path: Path) -> Pixels:
    """The samples of a picture as `opening.read_stored` has them, (1, h, w, samples); raises as `open_picture`."""
    return _read(path, stored=True)[np.newaxis]


def _read(path: Path, *, stored: bool) -> Pixels:
    """(h, w, samples) the right way up, uint8 or uint16.

    Those `stored` in a PNG; otherwise, and of all other kinds of files, grey or red, green and blue.
    """
    with explained(path), path.open("rb") as file:
        depth, has_palette = png_kind(file)
        image = open_image(file)
        if image is None:
            raise unreadable(path, NOT_AN_IMAGE, EXPORT_PLAIN)
        if 0 in image.size:
            raise unreadable(path, "it has no pixels", EXPORT_PLAIN)
        mode = "P" if stored and has_palette else "L" if image.mode in _GREY_MODES else "RGB"
        remedy = MASK_REMEDY if stored else EXPORT_TILED_OR_CROP
        has_samples = depth >= 8 and not has_palette
        if has_samples and (stored or depth == 16 or not fits(_bytes_of(image, mode))):
            check_bytes(path, _bytes_by_codec(path, image, depth, turned=False), remedy)
            orientation = _orientation(image)
            check_bytes(path, _bytes_by_codec(path, image, depth, turned=orientation in range(2, 9)), remedy)
            image.close()  # to find the orientation it may have been decoded
            samples = decode_png(path.read_bytes())
            return turn(samples.reshape(*samples.shape[:2], -1) if stored else _without_alpha(samples), orientation)
        check_bytes(path, _bytes_of(image, mode), remedy)
        if stored and depth:
            check_png(path.read_bytes())
        pixels = _decode(image, mode)
        if stored and mode == "L" and 0 < depth < 8:
            pixels //= 255 // (2**depth - 1)  # Pillow stretches fewer bits than 8 to 0…255
        return turn(pixels, _orientation(image))


def _bytes_of(image: "Image", mode: str) -> int:
    """What decoding an image by Pillow, turning it, and then keeping it with its reductions takes at the most."""
    result = image.width * image.height * len(mode)
    decoder = _DECODER_BYTES.get(image.format or "", 0)
    if "progression" in image.info:  # a JPEG that is put together from several scans
        decoder += 2 * len(image.getbands())
    return max(
        image.width * image.height * decoder + _bytes_in_pillow(image) + result, 2 * result, pyramid_bytes(result)
    )


def _bytes_by_codec(path: Path, image: "Image", depth: int, *, turned: bool) -> int:
    """The same for a PNG of 8 or 16 bits that is read whole and decoded by `decode_png`."""
    channels = len(image.getbands())
    sample = image.width * image.height * depth // 8
    kept = sample * (channels - 1 if channels in (2, 4) else channels)
    stored = sample * (channels + ("transparency" in image.info))
    copied = kept if turned or kept < stored else 0
    # Its orientation may be written behind the pixels, and Pillow decodes them to get there.
    return max(path.stat().st_size + stored, stored + copied, pyramid_bytes(kept), _bytes_in_pillow(image))


def _bytes_in_pillow(image: "Image") -> int:
    return image.width * image.height * (1 if image.mode in _BYTE_MODES else 4)


def _decode(image: "Image", mode: str) -> Pixels:
    """(h, w, samples) uint8 of an image in a mode with a byte for each sample."""
    image.info.pop("transparency", None)  # of a palette: Pillow would warn that it is lost
    pixels = np.empty((image.height, image.width, len(mode)), np.uint8)
    rows = max(1, _BAND_PIXELS // image.width)
    for y in range(0, image.height, rows):
        band = image.crop((0, y, image.width, min(y + rows, image.height)))
        pixels[y : y + rows] = np.asarray(band if band.mode == mode else band.convert(mode)).reshape(
            -1, image.width, len(mode)
        )
    return pixels


def _without_alpha(samples: Pixels) -> Pixels:
    """(h, w, 1 or 3) of (h, w) or (h, w, samples) with alpha last."""
    pixels = samples.reshape(*samples.shape[:2], -1)
    return pixels[:, :, :1] if pixels.shape[2] == 2 else pixels[:, :, :3]


def _orientation(image: "Image") -> int:
    try:
        return int(image.getexif().get(_ORIENTATION, 1))
    except Exception:  # damaged EXIF data doesn't make the pixels worse
        return 1
