"""Decodes boxes of TIFF pages from only those tiles or strips that they touch."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from tifffile import COMPRESSION, PLANARCONFIG, TiffFile, TiffFrame, TiffPage

from unet_studio.core.byte_cache import ByteCache
from unet_studio.core.slides.reading_errors import COPY_AGAIN, check_length, unreadable
from unet_studio.core.slides.tiff.lzw import is_sound_lzw
from unet_studio.core.tiles import Box

Samples = NDArray[Any]
"""Samples of a page as decoded, (height, width, samples)."""

AnyPage = TiffPage | TiffFrame

KEPT_BYTES = 64 * 2**20
"""Of decoded segments."""


@dataclass(frozen=True, slots=True)
class _Grid:
    """How a page is cut: into tiles, or into strips, which are tiles as wide as the page."""

    height: int
    width: int
    rows: int
    columns: int

    @classmethod
    def of_page(cls, key: TiffPage) -> "_Grid":
        height, width = (key.tilelength, key.tilewidth) if key.is_tiled else (key.rowsperstrip, key.imagewidth)
        return cls(height, width, -(-key.imagelength // height), -(-key.imagewidth // width))

    def over(self, box: Box) -> Iterator[tuple[int, int, int]]:
        """Index, y and x of every segment that shares a pixel with `box`."""
        for row in range(box.y0 // self.height, -(-box.y1 // self.height)):
            for column in range(box.x0 // self.width, -(-box.x1 // self.width)):
                yield row * self.columns + column, row * self.height, column * self.width


def bytes_of_segment(key: TiffPage) -> int:
    """What one tile or strip of such a page takes when it's decoded."""
    grid = _Grid.of_page(key)
    return grid.height * grid.width * (1 if _is_planar(key) else key.samplesperpixel) * np.dtype(key.dtype).itemsize


def _is_planar(key: TiffPage) -> bool:
    """Whether every sample has segments of its own."""
    return key.planarconfig == PLANARCONFIG.SEPARATE and key.samplesperpixel > 1


def _keyframe(page: AnyPage) -> TiffPage:
    """The page that says how `page` is stored."""
    if page.keyframe is None:
        raise ValueError("page without a description")
    return page.keyframe


class SegmentReader:
    """Reads boxes of the pages of one file; decoded segments stay in memory up to a budget. Not for several threads."""

    def __init__(self, path: Path, tiff: TiffFile) -> None:
        self._path = path
        self._tiff = tiff
        self._recent: ByteCache[tuple[object, int], Samples | None] = ByteCache(KEPT_BYTES, _bytes_of)

    def read(self, page: AnyPage, box: Box) -> Samples:
        """Samples of a box that lies within the page; where the file leaves out a segment, its value for no data.

        Whether there is memory for the box has to be known before. Raises SlideError if the file is damaged or ends too
        early.
        """
        key = _keyframe(page)
        grid = _Grid.of_page(key)
        samples = np.full((*box.shape, key.samplesperpixel), key.nodata, key.dtype)
        # A planar page has one grid of segments after another, and each fills one channel of the result.
        targets = np.split(samples, key.samplesperpixel, axis=2) if _is_planar(key) else [samples]
        for first, y, x in grid.over(box):
            for i, target in enumerate(targets):
                segment = self._segment(page, first + i * grid.rows * grid.columns)
                if segment is not None:
                    # Decoders may leave out what sticks out over the edge of the page.
                    covered = Box(y, x, y + segment.shape[0], x + segment.shape[1])
                    shared = covered.intersect(box)
                    target[shared.within(box)] = segment[shared.within(covered)]
        return samples

    def is_left_out(self, page: AnyPage, box: Box) -> bool:
        """Whether the file leaves out all segments that a box shares a pixel with."""
        key = _keyframe(page)
        grid = _Grid.of_page(key)
        each = range(key.samplesperpixel if _is_planar(key) else 1)
        return not any(
            page.databytecounts[first + i * grid.rows * grid.columns] for first, _, _ in grid.over(box) for i in each
        )

    def check_length(self, page: AnyPage) -> None:
        """Raises SlideError if the file ends before the page does, or has fewer segments than the page needs."""
        key = _keyframe(page)
        grid = _Grid.of_page(key)
        needed = grid.rows * grid.columns * (key.samplesperpixel if _is_planar(key) else 1)
        if needed > min(len(page.dataoffsets), len(page.databytecounts)):
            raise unreadable(self._path, "its table of contents is damaged", COPY_AGAIN)
        ends = (offset + size for offset, size in zip(page.dataoffsets, page.databytecounts, strict=False))
        check_length(self._path, self._tiff.filehandle.size, max(ends, default=0))

    def clear(self) -> None:
        """Forget all decoded segments."""
        self._recent.clear()

    def _segment(self, page: AnyPage, index: int) -> Samples | None:
        return self._recent.get((page.treeindex, index), lambda: self._decode(page, index))

    def _decode(self, page: AnyPage, index: int) -> Samples | None:
        """One segment, (height, width, samples), or None if the file leaves it out."""
        offset, size = page.dataoffsets[index], page.databytecounts[index]
        if not size:
            return None
        handle = self._tiff.filehandle
        check_length(self._path, handle.size, offset + size)
        handle.seek(offset)
        key = _keyframe(page)
        data = handle.read(size)
        if key.compression == COMPRESSION.LZW and not is_sound_lzw(data):
            raise unreadable(self._path, "it's damaged", COPY_AGAIN)
        segment, _, _ = key.decode(data, index, jpegtables=page.jpegtables, jpegheader=key.jpegheader)
        return None if segment is None else segment[0]


def _bytes_of(segment: Samples | None) -> int:
    return 0 if segment is None else segment.nbytes
