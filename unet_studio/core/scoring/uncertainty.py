"""Uncertainty: how undecided a proposal is of a pixel, a place or a plane; and where it is against the labels."""

import numpy as np
from numpy.typing import NDArray

from unet_studio.core.classes import UNLABELLED
from unet_studio.core.masks.proposals import Proposal
from unet_studio.core.tiles import TILE, Box, cells_over, tile_box

PLACE = 128
"""Side of a place in pixels: what a person looks at in one go."""
_LARGE = 4096
"""Of planes with longer sides every fourth pixel is looked at."""


def uncertainty(probabilities: NDArray[np.uint8]) -> NDArray[np.float32]:
    """How undecided a proposal (h, w, channels) is of each pixel, (h, w) of 0…1: 1 less the margin between the two
    likeliest classes.

    Reference: Scheffer, Decomain & Wrobel, "Active hidden Markov models for information extraction" (2001), margin
    sampling.
    """
    values = probabilities.astype(np.float32) / 255
    background = np.maximum(1 - values.sum(axis=2, keepdims=True), 0)
    ordered = np.sort(np.concatenate((background, values), axis=2), axis=2)
    return np.asarray(1 - (ordered[..., -1] - ordered[..., -2]), np.float32)


def mean_uncertainty(probabilities: NDArray[np.uint8]) -> float:
    """The mean uncertainty of a proposal's pixels, 0…1."""
    return float(np.mean(uncertainty(probabilities)))


def disagreement(probabilities: NDArray[np.uint8], labels: NDArray[np.uint8]) -> NDArray[np.float32]:
    """How probable a proposal (h, w, channels) holds it that a label (h, w) is wrong, (h, w) of 0…1.

    0 where nothing is labelled, and 1 for a class that the proposal doesn't know.
    """
    channels = probabilities.shape[2]
    background = 255 - np.minimum(probabilities.sum(axis=2, dtype=np.uint32, keepdims=True), 255)
    unknown = np.zeros_like(probabilities[..., :1])
    by_class = np.concatenate((background.astype(np.uint8), probabilities, unknown), axis=2)
    known = np.where(labels <= channels, labels, channels + 1).astype(np.intp)
    held = np.take_along_axis(by_class, known[..., None], axis=2)[..., 0]
    return np.where(labels == UNLABELLED, np.float32(0), 1 - held.astype(np.float32) / 255)


def place_uncertainties(proposal: Proposal) -> NDArray[np.float32]:
    """The mean uncertainty of each place of a plane, (rows, columns); raises `ProjectError` where it can't be read."""
    shrink = 4 if max(proposal.shape) > _LARGE else 1
    side = PLACE // shrink
    small = tuple(-(-length // shrink) for length in proposal.shape)
    found = np.zeros(tuple(-(-length // PLACE) for length in proposal.shape), np.float32)
    for cell in cells_over(Box.of_shape(small), TILE):
        box = tile_box(cell, TILE).intersect(Box.of_shape(small))
        values = uncertainty(proposal.read(box, shrink=shrink))
        for place in cells_over(box, side):
            part = tile_box(place, side).intersect(box)
            found[place] += values[part.within(box)].sum()
    for place in np.ndindex(*found.shape):
        whole = tile_box((place[0], place[1]), side).intersect(Box.of_shape(small))
        found[place] /= whole.height * whole.width
    return found
