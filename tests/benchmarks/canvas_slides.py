"""Slides for the canvas benchmark: as large as asked for, small on the disk, quick to write."""

import os
import struct
from collections.abc import Sequence
from pathlib import Path
from typing import BinaryIO

import cv2
import numpy as np
from numpy.typing import NDArray

_TILE = 256
_PATTERNS = 16  # different tiles of the huge slide; all others repeat them
_FACTORS = (1, 4, 16, 64)  # the sizes that scanners store
_SHORT, _LONG, _LONG8 = 3, 4, 16  # TIFF's kinds of numbers
_FORMATS = {_SHORT: "H", _LONG: "I", _LONG8: "Q"}
_JPEG, _YCBCR = 7, 6


def texture(side: int, *, brightness: int = 128, seed: int = 0) -> NDArray[np.uint8]:
    """Blurred noise about a brightness, (side, side): it compresses and decodes like a slide."""
    noise = np.random.default_rng(seed).normal(0, 1, (side, side)).astype(np.float32)
    smooth = cv2.GaussianBlur(noise, (0, 0), 3)
    return np.asarray(np.clip(brightness + 60 * smooth, 1, 255), dtype=np.uint8)


def write_png(path: Path, side: int, *, brightness: int = 128, spot: int = 0) -> None:
    """A grey slide of side² pixels made of one texture again and again; in the middle an even disc of radius `spot`."""
    times = side // 1024
    pixels = np.tile(texture(1024, brightness=brightness), (times, times))
    if spot:
        cv2.circle(pixels, (side // 2, side // 2), spot, 255, thickness=-1)
    cv2.imwrite(str(path), pixels, (cv2.IMWRITE_PNG_COMPRESSION, 1))


def write_huge(path: Path, height: int, width: int) -> None:
    """A colour pyramid as scanners write it: JPEG tiles, sizes 1, 1/4, 1/16, 1/64; few tiles, referred to often."""
    tiles = [_jpeg(seed) for seed in range(_PATTERNS)]
    with path.open("wb") as file:
        file.write(struct.pack("<2sHHHQ", b"II", 43, 8, 0, 0))
        places = []
        for tile in tiles:
            places.append((file.tell(), len(tile)))
            file.write(tile)
        link = 8  # where the offset of the next page has to be written
        for factor in _FACTORS:
            page = _page(-(-height // factor), -(-width // factor), places, reduced=factor > 1)
            link = _write_page(file, page, link)


def _jpeg(seed: int) -> bytes:
    grey = texture(_TILE, brightness=150, seed=seed)
    colour = np.stack([grey, 255 - grey // 2, np.full_like(grey, 180)], axis=2)
    encoded: bytes = cv2.imencode(".jpg", colour, (cv2.IMWRITE_JPEG_QUALITY, 85))[1].tobytes()
    return encoded


def _page(
    height: int, width: int, places: Sequence[tuple[int, int]], *, reduced: bool
) -> list[tuple[int, int, list[int]]]:
    """(tag, kind of number, values) of one size of the pyramid."""
    rows, columns = -(-height // _TILE), -(-width // _TILE)
    used = [places[(7 * row + 3 * column) % len(places)] for row in range(rows) for column in range(columns)]
    return [
        (254, _LONG, [1 if reduced else 0]),
        (256, _LONG, [width]),
        (257, _LONG, [height]),
        (258, _SHORT, [8, 8, 8]),
        (259, _SHORT, [_JPEG]),
        (262, _SHORT, [_YCBCR]),
        (277, _SHORT, [3]),
        (284, _SHORT, [1]),
        (322, _LONG, [_TILE]),
        (323, _LONG, [_TILE]),
        (324, _LONG8, [offset for offset, _ in used]),
        (325, _LONG, [size for _, size in used]),
        (530, _SHORT, [2, 2]),
    ]


def _write_page(file: BinaryIO, page: list[tuple[int, int, list[int]]], link: int) -> int:
    """Append a page of a BigTIFF and link to it; returns where the offset of the page after it belongs."""
    entries = b""
    for tag, kind, values in page:
        data = struct.pack(f"<{len(values)}{_FORMATS[kind]}", *values)
        if len(data) > 8:
            data = struct.pack("<Q", _append(file, data))
        entries += struct.pack("<HHQ", tag, kind, len(values)) + data.ljust(8, b"\0")
    at = _append(file, struct.pack("<Q", len(page)) + entries + bytes(8))
    file.seek(link)
    file.write(struct.pack("<Q", at))
    return at + 8 + len(entries)


def _append(file: BinaryIO, data: bytes) -> int:
    file.seek(0, os.SEEK_END)
    at = file.tell()
    file.write(data)
    return at
