"""Figures of a proposed plane by which planes are sorted for review: uncertainty, change, agreement with labels."""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from functools import reduce
from operator import add

import numpy as np
from numpy.typing import NDArray

from unet_studio.core.classes import UNLABELLED
from unet_studio.core.labels.plane import PlaneId
from unet_studio.core.masks.proposals import Proposal, to_mask
from unet_studio.core.scoring.next_plane import evenly_spaced
from unet_studio.core.scoring.scores import count
from unet_studio.core.scoring.uncertainty import mean_uncertainty
from unet_studio.core.tiles import Box, Cell, cells_over, tile_box

_MOST_TILES = 64
"""A figure is of at most this many tiles of 256 × 256 pixels, evenly spread: all of a plane of up to 2048 × 2048."""


@dataclass(frozen=True, slots=True)
class PlaneFigures:
    """What is known of a plane's proposal, each 0…1; None where there is nothing to tell it from.

    `uncertainty` is 1 less the margin between the two likeliest classes, averaged over the pixels. `change` is the
    share of pixels that the model before gave another class. `agreement` is the mean Dice over the classes but
    background of the proposal with the labels, on labelled pixels; 1 where both say background throughout.
    """

    uncertainty: float | None = None
    change: float | None = None
    agreement: float | None = None


def figures_by_slide(planes: Mapping[PlaneId, PlaneFigures]) -> dict[str, PlaneFigures]:
    """Of each slide the figures of the planes that need a look most: the highest, and the lowest agreement."""
    by_slide: dict[str, list[PlaneFigures]] = {}
    for plane, figures in planes.items():
        by_slide.setdefault(plane.slide, []).append(figures)
    return {
        slide: PlaneFigures(
            max((f.uncertainty for f in found if f.uncertainty is not None), default=None),
            max((f.change for f in found if f.change is not None), default=None),
            min((f.agreement for f in found if f.agreement is not None), default=None),
        )
        for slide, found in by_slide.items()
    }


def measure_uncertainty(proposal: Proposal) -> float:
    """The mean uncertainty of a proposal; raises `ProjectError` where it can't be read."""
    boxes = _spread_boxes(proposal.shape)
    parts = [mean_uncertainty(proposal.read(box)) for box in boxes]
    return float(np.average(parts, weights=[box.height * box.width for box in boxes]))


def measure_change(proposal: Proposal, before: Proposal, threshold: float) -> float | None:
    """The share of pixels to which two proposals of a plane give different classes at a threshold, 0…1.

    None where they can't be compared, since they are of another size or other classes.
    """
    if (proposal.shape, proposal.channels) != (before.shape, before.channels):
        return None
    boxes = _spread_boxes(proposal.shape)
    changed = [
        np.count_nonzero(to_mask(proposal.read(box), threshold) != to_mask(before.read(box), threshold))
        for box in boxes
    ]
    return float(sum(changed) / sum(box.height * box.width for box in boxes))


def measure_agreement(
    proposal: Proposal, read_labels: Callable[[Box], NDArray[np.uint8]], cells: Collection[Cell], threshold: float
) -> float | None:
    """How well a proposal agrees with the labels of its plane, 0…1; None where nothing is labelled.

    Args:
        read_labels: gives the labels (h, w) of a box, 255 where unlabelled.
        cells: the tiles that have labels.
    """
    boxes = [
        tile_box(cell).intersect(Box.of_shape(proposal.shape)) for cell in evenly_spaced(sorted(cells), _MOST_TILES)
    ]
    pairs = [(read_labels(box), to_mask(proposal.read(box), threshold)) for box in boxes if not box.is_empty]
    labels = [int(part[part != UNLABELLED].max(initial=0)) for part, _ in pairs]
    if not any((part != UNLABELLED).any() for part, _ in pairs):
        return None
    classes = 1 + max(proposal.channels, *labels)
    dice = reduce(add, [count(part, mask, classes) for part, mask in pairs]).mean_dice
    return 1.0 if np.isnan(dice) else dice


def _spread_boxes(shape: tuple[int, int]) -> Sequence[Box]:
    plane = Box.of_shape(shape)
    return [tile_box(cell).intersect(plane) for cell in evenly_spaced(list(cells_over(plane)), _MOST_TILES)]
