"""Display settings: each channel's contrast, gamma and colour, for the screen only; they never reach the network."""

from dataclasses import dataclass
from functools import lru_cache

import cv2
import numpy as np
from numpy.typing import NDArray

from unet_studio.core.classes import class_colour
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


@dataclass(frozen=True, slots=True)
class NetworkView:
    """A plane as the network gets it from a model's normalisation; `measured` is the plane's own range."""

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


# Automatic contrast


def channel_colours(channels: int) -> tuple[Colour, ...]:
    """A colour for each channel: white for one, red, green, blue for three, else a set for the colour-blind too."""
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
    ranges = [_first_range(values, sample.dtype) for values in channel_groups(sample)]
    colours = channel_colours(sample.shape[2])
    return Display(
        tuple(
            ChannelView(*ranges[index % len(ranges)], colour=colour, shown=index < _MOST_SHOWN)
            for index, colour in enumerate(colours)
        )
    )


def channel_groups(sample: Pixels) -> list[Pixels]:
    """The finite values of each group of channels that has one range: of all, or of each."""
    if sample.shape[2] == 3:
        return [finite_values(sample)]
    return [finite_values(sample[..., channel]) for channel in range(sample.shape[2])]


def finite_values(values: Pixels) -> Pixels:
    """All values but NaN and infinite ones, (n,)."""
    return values[np.isfinite(values)] if values.dtype.kind == "f" else values.ravel()


def _first_range(values: Pixels, dtype: np.dtype[np.generic]) -> tuple[float, float]:
    low, high = contrast_range(values)
    return (0.0, 255.0) if dtype == np.uint8 and high > _ORDINARY_BRIGHTNESS else (low, high)


def contrast_range(values: Pixels) -> tuple[float, float]:
    """Nearly the lowest and the highest of finite values; the second is always above the first."""
    if values.size == 0:
        return 0.0, 1.0
    low, high = (float(value) for value in np.percentile(values, _PERCENTILES, method="nearest"))
    if high <= low:  # a nearly constant plane: use all it has, so that a lone bright spot is still seen
        low, high = float(values.min()), float(values.max())
    return low, high if high > low else low + max(1.0, abs(low) * 1e-6)


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
            colours = _coloured(pixels[..., index], view)
            total = colours if total is None else np.asarray(cv2.add(total, colours), dtype=np.uint8)
    if total is None:
        return np.zeros((*pixels.shape[:2], 3), dtype=np.uint8)
    return np.asarray(cv2.cvtColor(total, cv2.COLOR_RGBA2RGB), dtype=np.uint8)


def _coloured(values: Pixels, view: ChannelView) -> NDArray[np.uint8]:
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


@lru_cache(maxsize=64)  # of 256 KiB at most: 16 MiB
def _lookup_table(view: ChannelView, length: int) -> NDArray[np.uint32]:
    """The colour of each raw value 0…length - 1: one number that holds the bytes red, green, blue and 0."""
    shares = np.clip((np.arange(length, dtype=np.float64) - view.low) / _span(view), 0.0, 1.0)
    if view.gamma != 1.0:
        shares **= 1.0 / view.gamma
    colours = np.zeros((length, 4), dtype=np.uint8)
    colours[:, :3] = np.rint(shares[:, None] * view.colour)
    return colours.view(np.uint32)[:, 0]


def _span(view: ChannelView) -> float:
    return max(view.high - view.low, 1e-12)
