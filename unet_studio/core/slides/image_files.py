"""Opens image files of every kind but TIFF by Pillow, and decodes the PNG of which Pillow would lose bits."""

import io
from typing import TYPE_CHECKING, Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from PIL.Image import Image

PNG = b"\x89PNG\r\n\x1a\n"
"""How a PNG file begins."""
_HEADER_BYTES = 26
"""Of a PNG, up to its colour type."""
_PALETTE = 3
_BITMAP_HEADERS = (b"\x28\0\0\0", b"\x6c\0\0\0", b"\x7c\0\0\0")  # of a bitmap without its file header


def open_image(file: BinaryIO) -> "Image | None":
    """The PNG, JPEG, BMP, GIF or WebP file, told by how it begins and not decoded yet; None if it is none of them.

    Raises SyntaxError, OSError or others where it is damaged, at once or when the image is decoded.
    """
    # By their classes: `Image.open` would try programs in PostScript too, and refuse large images by a number that
    # can only be changed for the whole process.
    from PIL import BmpImagePlugin, GifImagePlugin, JpegImagePlugin, PngImagePlugin, WebPImagePlugin

    start = file.read(16)
    file.seek(0)
    if start.startswith(PNG):
        return PngImagePlugin.PngImageFile(file)
    if start.startswith(b"\xff\xd8\xff"):
        return JpegImagePlugin.JpegImageFile(file)
    if start.startswith(b"BM"):
        return BmpImagePlugin.BmpImageFile(file)
    if start.startswith(_BITMAP_HEADERS):
        return BmpImagePlugin.DibImageFile(file)
    if start.startswith((b"GIF87a", b"GIF89a")):
        return GifImagePlugin.GifImageFile(file)
    if start.startswith(b"RIFF") and start[8:12] == b"WEBP":
        return WebPImagePlugin.WebPImageFile(file)
    return None


def png_kind(file: BinaryIO) -> tuple[int, bool]:
    """The bits of each sample of a PNG file, and whether it has a palette; (0, False) for a file of another kind."""
    start = file.read(_HEADER_BYTES)
    file.seek(0)
    if not start.startswith(PNG) or len(start) < _HEADER_BYTES:
        return 0, False
    return start[24], start[25] == _PALETTE


def check_png(data: bytes) -> None:
    """Raise OSError where a PNG is cut short, SyntaxError where a checksum is wrong.

    Pillow's decoder alone would take no notice of either once it has all pixels.
    """
    from PIL.PngImagePlugin import PngImageFile

    PngImageFile(io.BytesIO(data)).verify()


def decode_png(data: bytes) -> NDArray[Any]:
    """The samples of a PNG with 8 or 16 bits and no palette: (h, w) or (h, w, samples), uint8 or uint16, alpha last.

    Raises as `check_png`, and RuntimeError where the contents are wrong all the same.
    """
    import imagecodecs

    # imagecodecs loses a reference to None whenever it refuses a file, and Python 3.11 aborts after some thousands.
    check_png(data)
    return np.asarray(imagecodecs.png_decode(data))
