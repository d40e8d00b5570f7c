"""What every kind of slide offers once it is open: its facts, and any box of it at any power-of-two reduction."""

import threading
from abc import ABC, abstractmethod
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import cv2
import numpy as np
from numpy.typing import NDArray

from unet_studio.core.byte_cache import ByteCache
from unet_studio.core.slides.budget import check_bytes, check_plane, check_planes
from unet_studio.core.slides.reading_errors import explained
from unet_studio.core.tiles import Box
from unet_studio.errors import SlideClosedError

Pixels = NDArray[Any]
"""Pixels of one plane, (height, width, channels): uint8, uint16 or float32."""

_KEPT_BYTES = 256 * 2**20
"""Of decoded planes and their reductions; the plane read last is kept whatever its size."""
_CV_CHANNELS = 128  # OpenCV 5 resizes no more channels than this at once


@dataclass(frozen=True, slots=True)
class SlideInfo:
    """What is known of a slide without reading its pixels.

    Channels are counted after alpha is dropped: 1 is grey, 3 is red, green, blue, and scientific slides may have any
    other number. `dtype` is uint8, uint16 or float32 in native byte order: bits are given as uint8 0 and 255, all other
    kinds of numbers as float32. `pixel_size_um` is the side of a pixel in micrometres, None if the file doesn't say.
    """

    planes: int
    height: int
    width: int
    channels: int
    dtype: np.dtype[Any]
    pixel_size_um: float | None

    @property
    def pixel_bytes(self) -> int:
        """What a pixel takes in memory, with all channels."""
        return self.channels * self.dtype.itemsize

    def box(self, shrink: int = 1) -> Box:
        """The whole of a plane, reduced `shrink` times: sides are rounded up."""
        return Box(0, 0, -(-self.height // shrink), -(-self.width // shrink))


class SlideReader(ABC):
    """An open slide. A context manager; any thread may call any method.

    Attributes:
        path: the file.
        info: what is known of the slide.
    """

    def __init__(self, path: Path, info: SlideInfo) -> None:
        """Raises SlideError where the planes are too large or too many."""
        self.path = path
        self.info = info
        check_plane(path, (info.height, info.width), info.pixel_bytes)
        check_planes(path, info.planes)
        self._lock = threading.RLock()
        self._closed = self._released = False

    def read(self, plane: int, box: Box, *, shrink: int = 1) -> Pixels:
        """Pixels of a `box` of a plane, (height, width, channels) in the slide's dtype; the caller owns them.

        `shrink` is a power of two. `box` counts in pixels of the plane reduced that many times, each the mean of those
        that it covers. Raises ValueError for a plane, box or shrink that the slide doesn't have, and SlideError if the
        file can't be read, the box takes too much memory, or the slide is closed by now.
        """
        if not 0 <= plane < self.info.planes:
            raise ValueError(f"plane {plane} of a slide with {self.info.planes}")
        if shrink < 1 or shrink & (shrink - 1):
            raise ValueError(f"shrink must be a power of two, not {shrink}")
        if box.intersect(self.info.box(shrink)) != box:
            raise ValueError(f"{box} isn't within {self.info.box(shrink)}")
        if box.is_empty:
            return np.empty((*box.shape, self.info.channels), self.info.dtype)
        with self._lock:
            self._check_open()
            with explained(self.path):
                return self._read(plane, box, shrink)

    def close(self) -> None:
        """Close the file and free all memory; closing twice does no harm.

        A long reading that is under way in another thread ends with SlideClosedError.
        """
        self._closed = True
        with self._lock:
            if not self._released:
                self._released = True
                self._release()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()

    def _check_open(self) -> None:
        """Raises SlideClosedError once the slide is closed; a reading that takes long asks now and then."""
        if self._closed:
            raise SlideClosedError(f"'{self.path.name}' was closed while it was being read. Open it again.")

    @abstractmethod
    def _read(self, plane: int, box: Box, shrink: int) -> Pixels:
        """What `read` promises, for arguments that are right."""

    @abstractmethod
    def _release(self) -> None:
        """Free what the slide holds."""


class EagerReader(SlideReader):
    """A slide whose planes are decoded whole; those read last stay in memory with their reductions."""

    def __init__(self, path: Path, info: SlideInfo) -> None:
        super().__init__(path, info)
        self._pyramids: ByteCache[int, list[Pixels]] = ByteCache(
            _KEPT_BYTES, lambda kept: pyramid_bytes(kept[0].nbytes)
        )
        self._pyramid_bytes = pyramid_bytes(info.height * info.width * info.pixel_bytes)

    @abstractmethod
    def _decode(self, plane: int) -> Pixels:
        """All pixels of a plane."""

    def _read(self, plane: int, box: Box, shrink: int) -> Pixels:
        level = shrink.bit_length() - 1
        check_bytes(self.path, self._pyramid_bytes + box.height * box.width * self.info.pixel_bytes)
        pyramid = self._pyramids.get(plane, lambda: self._decoded(plane))
        while len(pyramid) <= level:
            pyramid.append(halve(pyramid[-1]))
        return pyramid[level][box.slices].copy()

    def _decoded(self, plane: int) -> list[Pixels]:
        """A plane without reductions yet."""
        if self._pyramid_bytes > _KEPT_BYTES:
            self._pyramids.clear()  # memory is for one such plane
        return [self._decode(plane)]

    def _release(self) -> None:
        self._pyramids.clear()


def pyramid_bytes(plane_bytes: int) -> int:
    """What a plane takes with all its reductions, each a quarter of the one before."""
    return plane_bytes * 4 // 3


def halve(pixels: Pixels) -> Pixels:
    """Half the size, each pixel the mean of four; odd sides are rounded up by repeating the last row or column."""
    height, width, channels = pixels.shape
    if height % 2 or width % 2:
        pixels = np.pad(pixels, ((0, height % 2), (0, width % 2), (0, 0)), mode="edge")
    if channels > _CV_CHANNELS:
        groups = [pixels[:, :, i : i + _CV_CHANNELS] for i in range(0, channels, _CV_CHANNELS)]
        return np.concatenate([halve(group) for group in groups], axis=2)
    size = (pixels.shape[1] // 2, pixels.shape[0] // 2)
    halved = cv2.resize(pixels, size, interpolation=cv2.INTER_AREA)
    return halved.reshape(size[1], size[0], channels)


def turn(pixels: Pixels, orientation: int) -> Pixels:
    """Pixels the right way up, given EXIF's orientation 1…8; any other value leaves them as they are."""
    if orientation in (5, 6, 7, 8):
        pixels = pixels.swapaxes(0, 1)
    if orientation in (3, 4, 7, 8):
        pixels = pixels[::-1]
    if orientation in (2, 3, 6, 7):
        pixels = pixels[:, ::-1]
    return np.ascontiguousarray(pixels)
