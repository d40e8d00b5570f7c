"""What is shown: each channel's contrast and colour, for the eye alone (it never reaches the network), and masks."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import cv2
import numpy as np
from numpy.typing import NDArray

from unet_studio.core.classes import UNLABELLED, LabelClass, class_colour
from unet_studio.core.models.normalisation import Normalisation, Range
from unet_studio.core.slides.reader import Pixels, SlideReader

Colour = tuple[int, int, int]
"""(red, green, blue), 0…255."""

_WHITE = (255, 255, 255)
_RED_GREEN_BLUE = ((255, 0, 0), (0, 255, 0), (0, 0, 255))
# Okabe & Ito, "Color Universal Design" (2008): two channels are told apart by everyone in magenta and green.
_PAIR = ((0, 255, 0), (255, 0, 255))
_MOST_SHOWN = 6
"""Of slides with more channels than colours that differ clearly, the rest waits to be ticked."""
_PERCENTILES = (0.1, 99.8)
_SAMPLE_SIDE = 512
_ORDINARY_BRIGHTNESS = 140
_LEVELS = 65535
"""Float pixels are brought to this many steps between black and white, then looked up as 16-bit ones are."""


@dataclass(frozen=True, slots=True)
class ChannelView:
    """How one channel is shown: raw values `low` as black and `high` as its full `colour`.

    In between a value t of 0…1 is shown as t^(1 / gamma): a gamma above 1 brightens the middle.
    """

    low: float
    high: float
    gamma: float = 1.0
    colour: Colour = _WHITE
    shown: bool = True


@dataclass(frozen=True, slots=True)
class Display:
    """How a slide is shown: a view of each channel; the colours of all that are shown are added up."""

    channels: tuple[ChannelView, ...] = ()


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


@dataclass(frozen=True, slots=True)
class NetworkView:
    """A plane as a model's normalisation hands it to the network; `measured` is the plane's own range."""

    normalisation: Normalisation
    measured: Range

    def read(self, pixels: Pixels) -> NDArray[np.float32]:
        """The network's input (h, w, the model's channels) for raw pixels (h, w, channels)."""
        return self.normalisation.apply(pixels, self.measured)

    def to_rgb(self, pixels: Pixels) -> NDArray[np.uint8]:
        """Raw pixels as (h, w, 3) uint8: input of 0 and below is black, of 1 and above is white."""
        colours = channel_colours(self.normalisation.channels)
        return to_rgb(self.read(pixels), Display(tuple(ChannelView(0.0, 1.0, colour=colour) for colour in colours)))


def read_small(reader: SlideReader, plane: int, *, most: int = _SAMPLE_SIDE) -> Pixels:
    """A plane as raw pixels (h, w, channels), reduced by a power of two until no side is above `most` pixels."""
    shrink = 1
    while max(reader.info.height, reader.info.width) // shrink > most:
        shrink *= 2
    return reader.read(plane, reader.info.box(shrink), shrink=shrink)


# A first look


def channel_colours(channels: int) -> tuple[Colour, ...]:
    """A colour for each channel: white for one, red, green and blue for three, else a set that the colour-blind see."""
    if channels == 1:
        return (_WHITE,)
    if channels == 2:
        return _PAIR
    if channels == 3:
        return _RED_GREEN_BLUE
    return tuple(_full(class_colour(1 + index)) for index in range(channels))


def auto_display(sample: Pixels) -> Display:
    """A display that shows something: 0…255 for ordinary 8-bit slides, percentiles for dark, 16-bit and float ones.

    `sample` is raw pixels (h, w, channels); NaN and infinite values are left out. Red, green and blue share one range,
    so that colours stay; other channels have their own.
    """
    ranges = [_first_range(values, sample.dtype) for values in _ranged_together(sample)]
    colours = channel_colours(sample.shape[2])
    return Display(
        tuple(
            ChannelView(*ranges[index % len(ranges)], colour=colour, shown=index < _MOST_SHOWN)
            for index, colour in enumerate(colours)
        )
    )


def measure_tones(sample: Pixels, bins: int = 256) -> Tones:
    """A first display and the histograms of raw pixels (h, w, channels)."""
    return Tones(auto_display(sample), histograms(sample, bins))


def histograms(sample: Pixels, bins: int = 256) -> tuple[Histogram, ...]:
    """The histogram of each channel of raw pixels (h, w, channels), with at most `bins` steps.

    Red, green and blue share one axis. Steps between whole numbers are whole, so that none is emptier than its
    neighbours by chance.
    """
    axes = [_axis(values, bins, whole=sample.dtype.kind != "f") for values in _ranged_together(sample)]
    found = []
    for channel in range(sample.shape[2]):
        values = _finite(sample[..., channel])
        edges = axes[channel % len(axes)]
        counts, _ = np.histogram(values, bins=len(edges) - 1, range=(edges[0], edges[-1]))
        found.append(Histogram(float(edges[0]), float(edges[-1]), counts, *_percentiles(values)))
    return tuple(found)


def _ranged_together(sample: Pixels) -> list[Pixels]:
    """The finite values of each group of channels that has one range: of all, or of each."""
    if sample.shape[2] == 3:
        return [_finite(sample)]
    return [_finite(sample[..., channel]) for channel in range(sample.shape[2])]


def _finite(values: Pixels) -> Pixels:
    return values[np.isfinite(values)] if values.dtype.kind == "f" else values.ravel()


def _first_range(values: Pixels, dtype: np.dtype[np.generic]) -> tuple[float, float]:
    low, high = _percentiles(values)
    return (0.0, 255.0) if dtype == np.uint8 and high > _ORDINARY_BRIGHTNESS else (low, high)


def _percentiles(values: Pixels) -> tuple[float, float]:
    """Nearly the lowest and the highest of finite values; the second is always above the first."""
    if values.size == 0:
        return 0.0, 1.0
    low, high = (float(value) for value in np.percentile(values, _PERCENTILES, method="nearest"))
    if high <= low:  # a nearly constant plane: use all it has, so that a lone bright spot is still seen
        low, high = float(values.min()), float(values.max())
    return low, high if high > low else low + max(1.0, abs(low) * 1e-6)


def _axis(values: Pixels, bins: int, *, whole: bool) -> NDArray[np.float64]:
    """The edges of a histogram: the automatic range with room on both sides, but no more than the values need."""
    low, high = _percentiles(values)
    span = high - low
    if values.size:
        low = max(float(values.min()), low - span / 2)
        high = max(min(float(values.max()), high + span), high)
    if not whole:
        return np.linspace(low, high, bins + 1)
    first, last = int(np.floor(low)), int(np.ceil(high))
    step = -(-(last - first + 1) // bins)
    return np.arange(first, last + step + 1, step, dtype=np.float64) - 0.5


def _full(colour: Colour) -> Colour:
    """The same hue with its strongest part at 255."""
    red, green, blue = (round(part * 255 / max(colour)) for part in colour)
    return red, green, blue


# Pixels


def to_rgb(pixels: Pixels, display: Display) -> NDArray[np.uint8]:
    """Raw pixels (h, w, channels) as (h, w, 3) uint8; NaN is black, and infinite values are black or full."""
    total: NDArray[np.uint8] | None = None
    for index, view in enumerate(display.channels):
        if view.shown:
            light = _light(pixels[..., index], view)
            total = light if total is None else np.asarray(cv2.add(total, light), dtype=np.uint8)
    if total is None:
        return np.zeros((*pixels.shape[:2], 3), dtype=np.uint8)
    return np.asarray(cv2.cvtColor(total, cv2.COLOR_RGBA2RGB), dtype=np.uint8)


def _light(values: Pixels, view: ChannelView) -> NDArray[np.uint8]:
    """What one channel (h, w) adds to the picture: red, green, blue and nothing, (h, w, 4) uint8."""
    if values.dtype in (np.uint8, np.uint16):
        table = _lookup_table(view, 1 << (8 * values.dtype.itemsize))
    else:
        values = _to_levels(values, view)
        table = _lookup_table(ChannelView(0.0, _LEVELS, view.gamma, view.colour), _LEVELS + 1)
    return table.take(values).view(np.uint8).reshape(*values.shape, 4)


def _to_levels(values: Pixels, view: ChannelView) -> NDArray[np.uint16]:
    """Float values as 0…65535 between black and white."""
    with np.errstate(invalid="ignore"):
        stretched = (values.astype(np.float64) - view.low) * (_LEVELS / _span(view))
    # Of a number and NaN, fmax takes the number: NaN becomes black.
    return np.fmin(np.fmax(stretched, 0.0), _LEVELS).astype(np.uint16)


@lru_cache(maxsize=64)
def _lookup_table(view: ChannelView, length: int) -> NDArray[np.uint32]:
    """The light of each raw value 0…length - 1: one number that holds the bytes red, green, blue and 0."""
    shares = np.clip((np.arange(length, dtype=np.float64) - view.low) / _span(view), 0.0, 1.0)
    if view.gamma != 1.0:
        shares **= 1.0 / view.gamma
    light = np.zeros((length, 4), dtype=np.uint8)
    light[:, :3] = np.rint(shares[:, None] * view.colour)
    return light.view(np.uint32)[:, 0]


def _span(view: ChannelView) -> float:
    return max(view.high - view.low, 1e-12)


# Masks


def colour_table(classes: Sequence[LabelClass], *, hidden: frozenset[int], opacity: float) -> NDArray[np.uint8]:
    """Blue, green, red, alpha (premultiplied) for each class index, (256, 4) uint8; background is clear."""
    table = np.zeros((256, 4), dtype=np.float32)
    for label_class in classes[1:]:
        if label_class.index not in hidden:
            table[label_class.index] = (*reversed(label_class.colour), 255)
    return np.asarray(np.rint(table * opacity), dtype=np.uint8)


def outline(mask: NDArray[np.uint8]) -> NDArray[np.bool_]:
    """The pixels of a mask (h, w) whose right, left, upper or lower neighbour is of another class."""
    edges = np.zeros(mask.shape, dtype=bool)
    across = mask[1:] != mask[:-1]
    along = mask[:, 1:] != mask[:, :-1]
    edges[1:] |= across
    edges[:-1] |= across
    edges[:, 1:] |= along
    edges[:, :-1] |= along
    edges &= mask != UNLABELLED
    return edges
