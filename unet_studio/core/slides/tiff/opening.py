"""Opens TIFF slides: single pages, stacks, ImageJ's hyperstacks, OME-TIFF, and whole-slide pyramids such as SVS."""

import math
import re
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from tifffile import TiffFile, TiffFileError, TiffPageSeries

from unet_studio.core.slides.budget import CROP, MASK_REMEDY, check_bytes, check_decoded, check_planes
from unet_studio.core.slides.reader import EagerReader, Pixels, SlideInfo, SlideReader, halve, pyramid_bytes, turn
from unet_studio.core.slides.reading_errors import COPY_AGAIN, EXPORT_PLAIN, explained, unreadable
from unet_studio.core.slides.tiff.colour import TiffColour
from unet_studio.core.slides.tiff.contents import check_contents, check_hyperstack, check_ome
from unet_studio.core.slides.tiff.layout import TiffLevel, decoded_stack, page_numbers
from unet_studio.core.slides.tiff.planes import TiffPlanes
from unet_studio.core.slides.tiff.scale import pixel_size_um
from unet_studio.core.slides.tiff.segments import Samples
from unet_studio.core.tiles import Box

_LAZY_BYTES = 2**28  # untiled planes beyond this size are read strip by strip rather than whole
# What is reduced in one go, (height, width), so that reducing a huge slide takes little memory. Blocks don't cut across
# strips, which would be decoded once for every block.
_TILED_BLOCK = (512, 512)
_STRIP_BLOCK = (64, 2**32)
_SMALL_SIDE = 512  # of the smallest version that the first look at a slide asks for
_ORIENTATION = 274
_NO_CONTENTS = "it ends too early, or its table of contents is damaged"


def open_tiff(path: Path) -> SlideReader:
    """Open the first series of the TIFF at `path`.

    Tiled planes are read tile by tile, others whole. Raises SlideError if the file is damaged, ends too early, or keeps
    its pixels in a way that isn't supported.
    """
    with explained(path):
        tiff = _open(path)
        try:
            return _reader(path, tiff)
        except BaseException:
            tiff.close()
            raise


def read_stored_tiff(path: Path) -> Samples:
    """The samples of a TIFF's first series as `opening.read_stored` has them; raises as `open_tiff`.

    Channels that have a page each count as planes: a mask has none.
    """
    with explained(path), _open(path) as tiff:
        series, colour = _checked_series(path, tiff)
        numbers = page_numbers(series)
        if numbers is None:
            check_bytes(path, 2 * series.nbytes, MASK_REMEDY)  # putting the axes in order copies
            stack, _ = decoded_stack(series, colour)
            return stack.reshape(-1, *stack.shape[2:])
        planes = TiffPlanes(path, tiff, numbers)
        planes.check_length()
        orientation = series.keyframe.tags.valueof(_ORIENTATION, 1)
        one_page = max(planes.bytes_of_page(), 2 * series.keyframe.nbytes if orientation in range(2, 9) else 0)
        check_bytes(path, one_page + (series.nbytes if numbers.size > 1 else 0), MASK_REMEDY)
        stored: Samples | None = None
        for number, page in enumerate(planes.read_stored()):
            turned = turn(page, orientation)
            if numbers.size == 1:
                return turned[np.newaxis]
            if stored is None:
                stored = np.empty((numbers.size, *turned.shape), turned.dtype)
            stored[number] = turned
        assert stored is not None, "a series has a page"
        return stored


def _open(path: Path) -> TiffFile:
    # A series that spans several files would show up once for each of them: here every file stands for itself.
    try:
        return TiffFile(path, _multifile=False)
    except TiffFileError as error:
        raise unreadable(path, _NO_CONTENTS, COPY_AGAIN) from error


def _checked_series(path: Path, tiff: TiffFile) -> tuple[TiffPageSeries, TiffColour]:
    """The series that is the slide, and how to get at its colours; raises SlideError where there is none."""
    check_ome(path, tiff, check_contents(path, tiff))
    if not tiff.series or 0 in tiff.series[0].shape:
        raise unreadable(path, "it has no pixels", EXPORT_PLAIN)
    check_planes(path, math.prod(tiff.series[0].shape) // max(1, tiff.series[0].keyframe.size))
    check_hyperstack(path, tiff)
    return tiff.series[0], _checked_colour(path, tiff.series[0])


def _reader(path: Path, tiff: TiffFile) -> SlideReader:
    series, colour = _checked_series(path, tiff)
    numbers = page_numbers(series)
    if numbers is None:
        return _StackReader(path, tiff, colour)
    planes = TiffPlanes(path, tiff, numbers)
    planes.check_length()
    orientation = series.keyframe.tags.valueof(_ORIENTATION, 1)
    info = _info(planes, pixel_size_um(tiff), turned=orientation in (5, 6, 7, 8))
    large = planes.plane_bytes > _LAZY_BYTES
    if orientation not in range(2, 9) and not planes.is_virtual and (planes.is_tiled or large):
        planes.check_segments()
        reader = _LazyReader(path, planes, info)
        reader.check_decoded()
        return reader
    pixels = info.height * info.width * info.pixel_bytes
    check_bytes(path, max(planes.bytes_of(planes.levels[0].box), 2 * pixels, pyramid_bytes(pixels)))
    return _PlanesReader(path, planes, info, orientation=orientation)


def _info(planes: TiffPlanes, pixel_size_um: float | None, *, turned: bool) -> SlideInfo:
    height, width = planes.levels[0].box.shape[:: -1 if turned else 1]
    return SlideInfo(planes.count, height, width, planes.channels, planes.dtype, pixel_size_um)


def _checked_colour(path: Path, series: TiffPageSeries) -> TiffColour:
    """How to get at the colours of a series. Raises SlideError if they, or the compression, aren't supported."""
    try:
        series.keyframe.decode(None, 0)
        return TiffColour.of_page(series.keyframe)
    except (ValueError, NotImplementedError) as error:
        detail = re.sub(r"<COMPRESSION\.(\w+): \d+>", r"compression \1", str(error))
        raise unreadable(path, f"it uses what isn't supported here ({detail})", EXPORT_PLAIN) from error


class _LazyReader(SlideReader):
    """A slide of which only what is asked for is decoded."""

    def __init__(self, path: Path, planes: TiffPlanes, info: SlideInfo) -> None:
        super().__init__(path, info)
        self._planes = planes
        self._block = _TILED_BLOCK if planes.is_tiled else _STRIP_BLOCK

    def check_decoded(self) -> None:
        """Raises SlideError if too much has to be decoded before a small version of a plane can be shown."""
        shrink = 1
        while max(self.info.height, self.info.width) // shrink > _SMALL_SIDE:
            shrink *= 2
        check_decoded(self.path, self._level(shrink).box.shape, self.info.pixel_bytes)

    def _read(self, plane: int, box: Box, shrink: int) -> Pixels:
        check_bytes(self.path, box.height * box.width * self.info.pixel_bytes, CROP)
        return self._reduced(plane, box, shrink, level=self._level(shrink))

    def _level(self, shrink: int) -> TiffLevel:
        """The smallest one that is large enough."""
        return max((level for level in self._planes.levels if level.factor <= shrink), key=lambda level: level.factor)

    def _reduced(self, plane: int, box: Box, shrink: int, *, level: TiffLevel) -> Pixels:
        """A box reduced from a finer level; block by block and depth first, so that memory stays bounded."""
        self._check_open()
        if shrink == level.factor:
            return self._stored(plane, box, level)
        if (alike := self._alike(plane, box, shrink, level)) is not None:
            return alike
        pixels = np.empty((*box.shape, self.info.channels), self.info.dtype)
        finer = self.info.box(shrink // 2)
        for part in self._blocks(box):
            source = Box(2 * part.y0, 2 * part.x0, 2 * part.y1, 2 * part.x1).intersect(finer)
            pixels[part.within(box)] = halve(self._reduced(plane, source, shrink // 2, level=level))
        return pixels

    def _alike(self, plane: int, box: Box, shrink: int, level: TiffLevel) -> Pixels | None:
        """A box of which the file leaves out all pixels, found without decoding any; None where it has some."""
        times = shrink // level.factor
        source = Box(times * box.y0, times * box.x0, times * box.y1, times * box.x1).intersect(level.box)
        if source.is_empty or not self._planes.is_left_out(plane, source, level=level):
            return None
        one = self._planes.read(plane, Box(source.y0, source.x0, source.y0 + 1, source.x0 + 1), level=level)
        return np.broadcast_to(one, (*box.shape, self.info.channels)).copy()

    def _blocks(self, box: Box) -> Iterator[Box]:
        height, width = self._block
        for y in range(box.y0 // height * height, box.y1, height):
            for x in range(box.x0 // width * width, box.x1, width):
                yield Box(y, x, y + height, x + width).intersect(box)

    def _stored(self, plane: int, box: Box, level: TiffLevel) -> Pixels:
        """A box of a level as stored; if rounding cost the level its last row or column, the one before is repeated."""
        inside = Box(min(box.y0, level.box.y1 - 1), min(box.x0, level.box.x1 - 1), box.y1, box.x1).intersect(level.box)
        pixels = self._planes.read(plane, inside, level=level)
        missing = ((0, box.height - inside.height), (0, box.width - inside.width), (0, 0))
        return pixels if inside.shape == box.shape else np.pad(pixels, missing, mode="edge")

    def _release(self) -> None:
        self._planes.close()


class _PlanesReader(EagerReader):
    """A slide with small planes, or with planes that have to be turned."""

    def __init__(self, path: Path, planes: TiffPlanes, info: SlideInfo, *, orientation: int) -> None:
        super().__init__(path, info)
        self._planes = planes
        self._orientation = orientation

    def _decode(self, plane: int) -> Pixels:
        base = self._planes.levels[0]
        return turn(self._planes.read(plane, base.box, level=base), self._orientation)

    def _release(self) -> None:
        super()._release()
        self._planes.close()


class _StackReader(EagerReader):
    """A slide in which pages aren't planes: it is decoded as a whole when it's opened."""

    def __init__(self, path: Path, tiff: TiffFile, colour: TiffColour) -> None:
        check_bytes(path, 3 * tiff.series[0].nbytes)  # putting the axes in order copies, and so do colours
        self._stack, self._colour = decoded_stack(tiff.series[0], colour)
        planes, _, height, width, _ = self._stack.shape
        first = self._decode(0)
        super().__init__(path, SlideInfo(planes, height, width, first.shape[2], first.dtype, pixel_size_um(tiff)))
        tiff.close()

    def _decode(self, plane: int) -> Pixels:
        return np.concatenate([self._colour.pixels(samples) for samples in self._stack[plane]], axis=2)

    def _release(self) -> None:
        super()._release()
        del self._stack
