"""Decodes PNG with 16 bits a channel, of which Pillow keeps but 8."""

import struct
import zlib
from pathlib import Path

import cv2
import numpy as np

from unet_studio.core.slides.reader import Pixels
from unet_studio.core.slides.reading_errors import COPY_AGAIN, unreadable

_SIGNATURE = b"\x89PNG\r\n\x1a\n"
_SAMPLES = {0: 1, 2: 3, 4: 2, 6: 4}  # of a pixel, by colour type: grey, RGB, grey and alpha, RGB and alpha
_GREY = (0, 4)


def is_deep_png(path: Path) -> bool:
    """Whether the file is a PNG with 16 bits a channel."""
    with path.open("rb") as file:
        start = file.read(25)
    return start.startswith(_SIGNATURE) and start[24:] == b"\x10"


def decode_deep_png(path: Path) -> Pixels:
    """uint16 pixels, (height, width, 1 or 3), without alpha. Raises SlideError if the file is damaged."""
    data = _bare_png(path, path.read_bytes())
    pixels: Pixels | None = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_UNCHANGED)
    if pixels is None:
        raise unreadable(path, "it's damaged", COPY_AGAIN)
    if pixels.ndim == 2:
        return pixels[:, :, np.newaxis]
    # OpenCV puts blue first, and repeats grey three times where alpha follows.
    colour_type = data[25]
    return pixels[:, :, :1] if colour_type in _GREY else pixels[:, :, 2::-1]


def _bare_png(path: Path, data: bytes) -> bytes:
    """The parts of a PNG that are its pixels, checked: OpenCV complains of all else, and of damage, on the terminal."""
    parts = {b"IHDR": bytearray(), b"IDAT": bytearray()}
    at = len(_SIGNATURE)
    while at < len(data):
        length, kind = struct.unpack_from(">I4s", data, at)
        content, end = data[at + 8 : at + 8 + length], at + 12 + length
        if kind in parts:
            if data[end - 4 : end] != zlib.crc32(kind + content).to_bytes(4, "big"):
                raise unreadable(path, "it's damaged", COPY_AGAIN)
            parts[kind] += content
        at = end
    if not _is_whole(parts[b"IHDR"], parts[b"IDAT"]):
        raise unreadable(path, "it ends too early", COPY_AGAIN)
    return _SIGNATURE + b"".join(_chunk(kind, content) for kind, content in (*parts.items(), (b"IEND", bytearray())))


def _chunk(kind: bytes, content: bytearray) -> bytes:
    return struct.pack(">I4s", len(content), kind) + content + zlib.crc32(kind + content).to_bytes(4, "big")


def _is_whole(header: bytearray, compressed: bytearray) -> bool:
    """Whether there are as many pixels as the header says, and hardly more, which would be a trap for the memory."""
    width, height, _, colour_type = struct.unpack_from(">IIBB", header)
    size = 2 * width * height * _SAMPLES[colour_type]
    unpack = zlib.decompressobj()
    # A byte goes before every row, and interlaced pictures have at most twice as many rows.
    unpacked = len(unpack.decompress(compressed, size + 2 * height + 64))
    return unpack.eof and unpacked >= size + height
