"""Histograms of a plane's raw values, by which a contrast is chosen."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from unet_studio.core.figures.display import Display, auto_display, channel_groups, contrast_range, finite_values
from unet_studio.core.slides.reader import Pixels


@dataclass(frozen=True, slots=True, eq=False)
class Histogram:
    """How often raw values occur in one channel: `counts` (bins,) int64 over equal steps from `low` to `high`.

    A few far-off values are beyond that range. `dark` and `bright` are the percentiles that an automatic contrast
    shows as black and as white.
    """

    low: float
    high: float
    counts: NDArray[np.int64]
    dark: float
    bright: float


@dataclass(frozen=True, slots=True)
class Tones:
    """What a small version of a plane says of its values: a first display, and a histogram of each channel."""

    display: Display
    histograms: tuple[Histogram, ...]


def measure_tones(sample: Pixels, bins: int = 256) -> Tones:
    """A first display and the histograms of raw pixels (h, w, channels)."""
    return Tones(auto_display(sample), histograms(sample, bins))


def histograms(sample: Pixels, bins: int = 256) -> tuple[Histogram, ...]:
    """The histogram of each channel of raw pixels (h, w, channels), with at most `bins` steps.

    Red, green and blue share one axis. Steps between whole numbers are whole, so that none is emptier than its
    neighbours by chance.
    """
    axes = [_axis(values, bins, whole=sample.dtype.kind != "f") for values in channel_groups(sample)]
    found = []
    for channel in range(sample.shape[2]):
        values = finite_values(sample[..., channel])
        edges = axes[channel % len(axes)]
        counts, _ = np.histogram(values, bins=len(edges) - 1, range=(edges[0], edges[-1]))
        found.append(Histogram(float(edges[0]), float(edges[-1]), counts, *contrast_range(values)))
    return tuple(found)


def _axis(values: Pixels, bins: int, *, whole: bool) -> NDArray[np.float64]:
    """The edges of a histogram: the automatic range with room on both sides, but no more than the values need."""
    low, high = contrast_range(values)
    span = high - low
    if values.size:
        low = max(float(values.min()), low - span / 2)
        high = max(min(float(values.max()), high + span), high)
    if not whole:
        return np.linspace(low, high, bins + 1)
    first, last = int(np.floor(low)), int(np.ceil(high))
    step = -(-(last - first + 1) // bins)
    return np.arange(first, last + step + 1, step, dtype=np.float64) - 0.5
