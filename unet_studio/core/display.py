"""What is shown: contrast for the eye alone (it never reaches the network), and colours for masks."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from unet_studio.core.classes import UNLABELLED, LabelClass
from unet_studio.core.reading import SlideReader


@dataclass(frozen=True, slots=True)
class Contrast:
    """Raw values shown as black and as white, the same for all channels so that colours stay."""

    low: float
    high: float


def read_small(reader: SlideReader, plane: int, *, most: int) -> NDArray[np.generic]:
    """A plane as raw pixels (h, w, channels), reduced by a power of two until no side is above `most` pixels."""
    shrink = 1
    while max(reader.info.height, reader.info.width) // shrink > most:
        shrink *= 2
    return reader.read(plane, reader.info.box(shrink), shrink=shrink)


def auto_contrast(sample: NDArray[np.generic]) -> Contrast:
    """A range that shows something: 0…255 for ordinary 8-bit slides, percentiles for dark, 16-bit and float ones.

    `sample` is raw pixels of any shape; NaN and infinite values are left out.
    """
    values = sample[np.isfinite(sample)] if sample.dtype.kind == "f" else sample.ravel()
    if values.size == 0:
        return Contrast(0.0, 1.0)
    low, high = (float(v) for v in np.percentile(values, (0.1, 99.8)))
    if sample.dtype == np.uint8 and high > 140:
        return Contrast(0.0, 255.0)
    if high <= low:
        low, high = float(values.min()), float(values.max())
    return Contrast(low, high if high > low else low + 1.0)


def to_rgb(pixels: NDArray[np.generic], contrast: Contrast) -> NDArray[np.uint8]:
    """Raw pixels (h, w, channels) as (h, w, 3) uint8; of more than three channels the first three are shown."""
    shown: NDArray[np.uint8]
    if pixels.dtype in (np.uint8, np.uint16):
        shown = _lookup_table(contrast, 1 << (8 * pixels.dtype.itemsize))[pixels[..., :3]]
    else:
        finite = np.nan_to_num(
            pixels[..., :3].astype(np.float32), nan=contrast.low, posinf=contrast.high, neginf=contrast.low
        )
        shown = _stretch(finite, contrast)
    channels = shown.shape[2]
    if channels == 1:
        return np.repeat(shown, 3, axis=2)
    if channels == 2:
        return np.concatenate([shown, np.zeros_like(shown[..., :1])], axis=2)
    return shown


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


def _lookup_table(contrast: Contrast, length: int) -> NDArray[np.uint8]:
    return _stretch(np.arange(length, dtype=np.float32), contrast)


def _stretch(values: NDArray[np.float32], contrast: Contrast) -> NDArray[np.uint8]:
    scale = 255.0 / max(contrast.high - contrast.low, 1e-12)
    return np.asarray(np.clip((values - contrast.low) * scale, 0, 255), dtype=np.uint8)
