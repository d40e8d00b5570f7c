"""Puts the planes of a TIFF together from its pages."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from tifffile import TiffFile

from unet_studio.core.slides.budget import check_bytes
from unet_studio.core.slides.reader import Pixels
from unet_studio.core.slides.reading_errors import check_length
from unet_studio.core.slides.tiff.layout import TiffLevel, pyramid
from unet_studio.core.slides.tiff.segments import KEPT_BYTES, Samples, SegmentReader, bytes_of_segment
from unet_studio.core.tiles import Box

_BAND_PIXELS = 2**20  # turned into colours at once, which for a palette takes 8 bytes each


class TiffPlanes:
    """The pixels of every plane of a TIFF's first series, in every size that it stores. Not for several threads.

    Attributes:
        levels: the sizes, the largest first.
        count, channels, dtype: as in SlideInfo.
        plane_bytes: what all samples of one plane take.
        is_tiled: rather than cut into strips.
        is_virtual: only the first page is described, and the others follow it: ImageJ's way to exceed 4 GB.
    """

    def __init__(self, path: Path, tiff: TiffFile, numbers: NDArray[np.intp]) -> None:
        """`numbers` are the pages in the series of each (plane, channel)."""
        self._path = path
        self._tiff = tiff
        self._numbers = numbers
        self._segments = SegmentReader(path, tiff)
        self.levels = pyramid(tiff.series[0])
        self.is_virtual = len(tiff.series[0]) != numbers.size
        self.count, pages = numbers.shape
        key = tiff.series[0].keyframe
        self.is_tiled = key.is_tiled
        pieces = [] if self.is_virtual else [bytes_of_segment(level.series.keyframe) for level in self.levels]
        self._segment_bytes = max(pieces, default=0)
        self._page_bytes = key.nbytes
        self.plane_bytes = pages * key.nbytes
        samples = np.zeros((1, 1, key.samplesperpixel), key.dtype)
        pixel = self.levels[0].colour.pixels(samples)
        self.channels, self.dtype = pages * pixel.shape[2], pixel.dtype
        self._are_pixels = pages == 1 and np.shares_memory(samples, pixel)  # the samples, as they are decoded
        self._sample_bytes = samples.nbytes

    def bytes_of(self, box: Box) -> int:
        """What reading a box takes at its peak: samples of one page, the pixels, and what is decoded at once."""
        made = 0 if self._are_pixels else self.channels * self.dtype.itemsize
        samples = box.height * box.width * self._sample_bytes
        return samples + box.height * box.width * made + self._bytes_in_segments(samples)

    def bytes_of_page(self) -> int:
        """What reading all samples of one page takes at its peak."""
        return self._page_bytes + self._bytes_in_segments(self._page_bytes)

    def _bytes_in_segments(self, samples: int) -> int:
        """What so many bytes of samples take besides in segments that are decoded and kept for a while."""
        return 0 if self.is_virtual else max(self._segment_bytes, min(samples, KEPT_BYTES))

    def read(self, plane: int, box: Box, *, level: TiffLevel) -> Pixels:
        """Pixels of a box of a level; pages that the file leaves out are black.

        Raises SlideError if that takes too much memory, or if the file is damaged or ends too early.
        """
        check_bytes(self._path, self.bytes_of(box))
        numbers = self._numbers[plane]
        if self._are_pixels:
            return self._samples(int(numbers[0]), box, level)
        pixels = np.empty((*box.shape, self.channels), self.dtype)
        rows = max(1, _BAND_PIXELS // max(1, box.width))
        for page, number in zip(np.split(pixels, numbers.size, axis=2), numbers, strict=True):
            samples = self._samples(int(number), box, level)
            for y in range(0, box.height, rows):
                page[y : y + rows] = level.colour.pixels(samples[y : y + rows])
        return pixels

    def is_left_out(self, plane: int, box: Box, *, level: TiffLevel) -> bool:
        """Whether the file leaves out all that a box of a level touches, so that all its pixels are alike."""
        if self.is_virtual:
            return False
        pages = (level.series[int(number)] for number in self._numbers[plane])
        return all(page is None or self._segments.is_left_out(page, box) for page in pages)

    def read_stored(self) -> Iterator[Samples]:
        """All samples of page after page as stored, (height, width, samples), plane by plane."""
        base = self.levels[0]
        return (self._samples(int(number), base.box, base) for number in self._numbers.flat)

    def check_length(self) -> None:
        """Raises SlideError if the file ends before its first or its last page does."""
        series = self.levels[0].series
        if self.is_virtual:
            check_length(self._path, self._tiff.filehandle.size, (series.dataoffset or 0) + series.nbytes)
            return
        for page in (series[0], series[-1]):
            if page is not None:
                self._segments.check_length(page)

    def check_segments(self) -> None:
        """Raises SlideError if a single tile or strip would take too much memory."""
        check_bytes(self._path, self._segment_bytes)

    def close(self) -> None:
        self._segments.clear()
        self._tiff.close()

    def _samples(self, number: int, box: Box, level: TiffLevel) -> Samples:
        if self.is_virtual:
            return self._virtual_page(number)[box.slices]
        page = level.series[number]
        if page is None:
            key = level.series.keyframe
            return np.zeros((*box.shape, key.samplesperpixel), key.dtype)
        return self._segments.read(page, box)

    def _virtual_page(self, number: int) -> Samples:
        """All of a page that isn't described but lies where it ought to."""
        series = self.levels[0].series
        key = series.keyframe
        start = (series.dataoffset or 0) + number * key.nbytes
        dtype = series.dtype.newbyteorder(self._tiff.byteorder)
        flat = self._tiff.filehandle.read_array(dtype, key.size, start)
        # (separate samples, depth, height, width, samples side by side)
        return flat.reshape(key.shaped)[:, 0].transpose(1, 2, 0, 3).reshape(key.imagelength, key.imagewidth, -1)
