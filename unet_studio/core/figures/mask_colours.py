"""Masks in the colours of their classes: for the canvas, and laid over a slide."""

from collections.abc import Sequence
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from unet_studio.core.classes import BACKGROUND, UNLABELLED, LabelClass
from unet_studio.errors import MaskError


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


def blend_overlay(
    rgb: NDArray[np.uint8], mask: NDArray[np.uint8], colours: NDArray[np.uint8], opacity: float
) -> NDArray[np.uint8]:
    """Lay class colours over a slide, with a 1-pixel outline of each class in full colour inside its edge.

    Args:
        rgb: (h, w, 3) uint8.
        mask: (h, w) class indices; background, unlabelled and indices without a colour leave the slide as it is.
        colours: (classes, 3) uint8, the background's first.
        opacity: 0 shows the slide only, 1 the colours only.

    Raises MaskError where the shapes differ.
    """
    if rgb.shape[:2] != mask.shape:
        raise MaskError(f"The mask is {_size(mask)} pixels and its slide {_size(rgb[..., 0])}; they must be the same.")
    table = np.zeros((256, 3), np.uint8)
    table[: len(colours)] = colours
    is_shown = (mask != BACKGROUND) & (mask < min(len(colours), UNLABELLED))
    colour = table[mask]
    blended = np.asarray(cv2.addWeighted(rgb, 1 - opacity, colour, opacity, 0), np.uint8)
    is_edge = outline(mask)
    blended[is_edge] = colour[is_edge]
    return np.where(is_shown[..., None], blended, rgb)


def _size(values: NDArray[Any]) -> str:
    return " × ".join(str(side) for side in values.shape)
