"""Labelled slides that live in memory, and count what is read of them."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from unet_studio.core.labels.plane import LabelPlane, PlaneId
from unet_studio.core.models.normalisation import Normalisation, Range
from unet_studio.core.slides.reader import Pixels, SlideInfo, SlideReader
from unet_studio.core.tiles import Box
from unet_studio.unet.training.patches import LabelledSlide


class CountingReader(SlideReader):
    """Gives what a function of a box gives, and counts the pixels."""

    def __init__(self, shape: tuple[int, int], channels: int, pixels_of: Callable[[Box], NDArray[np.float32]]) -> None:
        super().__init__(Path("memory"), SlideInfo(1, *shape, channels, np.dtype(np.float32), None))
        self.pixels_read = 0
        self._pixels_of = pixels_of

    def _read(self, plane: int, box: Box, shrink: int) -> Pixels:
        self.pixels_read += box.height * box.width
        return self._pixels_of(box)

    def _release(self) -> None: ...


@pytest.fixture(scope="session")
def slide_of() -> Callable[..., LabelledSlide]:
    """Make a labelled slide of a plane's labels and a function that gives the network input of a box."""

    def make(
        labels: LabelPlane, pixels_of: Callable[[Box], NDArray[np.float32]], *, channels: int = 1, name: str = "memory"
    ) -> LabelledSlide:
        return LabelledSlide(
            PlaneId(name),
            CountingReader(labels.shape, channels, pixels_of),
            labels,
            Normalisation(channels),
            Range((0.0,) * channels, (1.0,) * channels),
            sorted(labels.cells),
        )

    return make


@pytest.fixture(scope="session")
def slide_from(slide_of: Callable[..., LabelledSlide]) -> Callable[..., LabelledSlide]:
    """Make a labelled slide of arrays: pixels (h, w) of 0…1, and labels (h, w)."""

    def make(pixels: NDArray[np.float32], labels: NDArray[np.uint8], name: str = "memory") -> LabelledSlide:
        plane = LabelPlane(labels.shape)
        plane.write(Box.of_shape(labels.shape), labels)
        return slide_of(plane, lambda box: pixels[box.slices][..., None].copy(), name=name)

    return make
