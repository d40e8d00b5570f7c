"""The one mapping from raw pixels to network input, the same for proposing and training, at any bit depth."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from unet_studio.core.tiles import Box
from unet_studio.errors import ModelError

if TYPE_CHECKING:
    from unet_studio.core.slides.opening import SlideReader

_WHOLE = 2048 * 2048
"""Planes of at most this many pixels are measured whole, larger ones on a grid of boxes."""
_GRID = 8
_GRID_BOX = 256
_CLIP = (-0.25, 1.5)
"""Network input is kept in this range, so that one hot pixel can't dominate it."""


@dataclass(frozen=True, slots=True)
class Range:
    """The raw values of one plane that map to 0 and to 1, for each network channel."""

    low: tuple[float, ...]
    high: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class Normalisation:
    """How the input of a model is made: `channels` channels, two percentiles of each plane mapped to 0 and 1.

    With `joint`, all channels share one range, which keeps colours; otherwise each has its own.
    """

    channels: int
    low: float = 1.0
    high: float = 99.8
    joint: bool = True

    def __post_init__(self) -> None:
        if self.channels < 1 or not 0 <= self.low < self.high <= 100:
            raise ValueError("a model looks at one channel or more, between two percentiles of 0 to 100")

    @classmethod
    def usual(cls, channels: int) -> "Normalisation":
        """For slides with so many channels: three are colours, of which the tint counts; others are apart."""
        return cls(channels, joint=channels in (1, 3))

    def fits(self, channels: int) -> bool:
        """Whether a slide with this many channels can be turned into the model's input."""
        return channels == self.channels or {channels, self.channels} == {1, 3}

    def measure(self, reader: "SlideReader", plane: int) -> Range:
        """The plane's range, from all of a small plane or from a regular grid of boxes of a large one."""
        info = reader.info
        if info.height * info.width <= _WHOLE:
            boxes = [Box(0, 0, info.height, info.width)]
        else:
            boxes = _grid_boxes(info.height, info.width)
        values = np.concatenate(
            [self._to_channels(reader.read(plane, box)).reshape(-1, self.channels) for box in boxes]
        )
        return self.measure_values(values)

    def measure_values(self, values: NDArray[np.float32]) -> Range:
        """The range of `values` (n, channels), float32; NaN and infinite values are left out."""
        columns = [values.ravel()] * self.channels if self.joint else list(values.T)
        limits = [self._limits(column) for column in (columns[:1] if self.joint else columns)]
        if self.joint:
            limits = limits * self.channels
        return Range(tuple(low for low, _ in limits), tuple(high for _, high in limits))

    def apply(self, pixels: NDArray[np.generic], measured: Range) -> NDArray[np.float32]:
        """Raw pixels (h, w, c) as network input (h, w, channels), float32, about 0…1; NaN and infinite values are 0."""
        low = np.asarray(measured.low, dtype=np.float32)
        scale = 1.0 / np.maximum(np.asarray(measured.high, dtype=np.float32) - low, np.float32(1e-12))
        raw = self._to_channels(pixels)
        values = np.clip((raw - low) * scale, *_CLIP)
        values[~np.isfinite(raw)] = 0.0  # nothing was measured there, however large the value that says so
        return np.asarray(values, dtype=np.float32)

    def reading(self, reader: "SlideReader", plane: int) -> Callable[[Box], NDArray[np.float32]]:
        """Measure a plane, and return what gives the network input (h, w, channels) of any box on it."""
        measured = self.measure(reader, plane)
        return lambda box: self.apply(reader.read(plane, box), measured)

    def _limits(self, values: NDArray[np.float32]) -> tuple[float, float]:
        finite = values[np.isfinite(values)]
        if finite.size == 0:
            return 0.0, 1.0
        low, high = np.percentile(finite, (self.low, self.high))
        if high <= low:  # a nearly constant plane: use all it has, so that a lone bright spot is still seen
            low, high = finite.min(), finite.max()
        return float(low), float(high) if high > low else float(low) + 1.0

    def _to_channels(self, pixels: NDArray[np.generic]) -> NDArray[np.float32]:
        channels = pixels.shape[2]
        values = pixels.astype(np.float32)
        if channels == self.channels:
            return values
        if not self.fits(channels):
            raise ModelError(
                f"The model looks at {self.channels} channels, but the slide has {channels}. "
                "Choose a model trained on slides like these, or retrain from scratch."
            )
        if self.channels == 1:
            grey: NDArray[np.float32] = values.mean(axis=2, keepdims=True, dtype=np.float32)
            return grey
        return np.repeat(values, 3, axis=2)


def _grid_boxes(height: int, width: int) -> list[Box]:
    rows = np.linspace(0, max(0, height - _GRID_BOX), _GRID).astype(int)
    columns = np.linspace(0, max(0, width - _GRID_BOX), _GRID).astype(int)
    return [
        Box(int(y), int(x), min(int(y) + _GRID_BOX, height), min(int(x) + _GRID_BOX, width))
        for y in rows
        for x in columns
    ]
