"""Puts the planes of a TIFF together from its pages."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from tifffile import TiffFile

from unet_studio.core.slides.reader import Pixels
from unet_studio.core.slides.reading_errors import check_bytes, check_length
from unet_studio.core.slides.tiff.layout import TiffLevel, pyramid
from unet_studio.core.slides.tiff.segments import Samples, SegmentReader, bytes_of_segment
from unet_studio.core.tiles import Box


class TiffPlanes:
    """The pixels of every plane of a TIFF's first series, in every size that it stores. Not for several threads.

    Attributes:
        levels: the sizes, the largest first.
        count, channels, dtype: as in SlideInfo.
        plane_bytes: what one plane takes when it's decoded whole.
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
        self.plane_bytes = pages * key.nbytes
        pixel = self.levels[0].colour.pixels(np.zeros((1, 1, key.samplesperpixel), key.dtype))
        self.channels, self.dtype = pages * pixel.shape[2], pixel.dtype

    def read(self, plane: int, box: Box, *, level: TiffLevel) -> Pixels:
        """Pixels of a box of a level; pages that the file leaves out are black."""
        pages = [level.colour.pixels(self._samples(int(number), box, level)) for number in self._numbers[plane]]
        return pages[0] if len(pages) == 1 else np.concatenate(pages, axis=2)

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
        for level in self.levels:
            check_bytes(self._path, bytes_of_segment(level.series.keyframe))

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
