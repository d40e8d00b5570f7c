"""Tuning: the two numbers of a watershed, found on the planes that a person labelled."""

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import product

import numpy as np
from numpy.typing import NDArray

from unet_studio.core.clean_up import Step, boundary_classes
from unet_studio.core.exporting import view_plane
from unet_studio.core.instances import instances, thin_borders
from unet_studio.core.masks import cleaned_mask
from unet_studio.core.project import Project
from unet_studio.core.scores import rand_score
from unet_studio.core.tiles import Box
from unet_studio.errors import StudioError

_SIGMAS = (0.0, 1.0, 2.0, 3.0)
_HEIGHTS = {
    "watershed": (0.02, 0.05, 0.1, 0.2, 0.3),
    "watershed-distance": (0.5, 1.0, 2.0, 4.0, 8.0),
    "watershed-boundary": (0.02, 0.05, 0.1, 0.2, 0.3),
}


@dataclass(frozen=True, slots=True)
class TunedWatershed:
    """The recipe with the best numbers, its V-Rand after border thinning, and that of the recipe as it was."""

    steps: tuple[Step, ...]
    v_rand: float
    v_rand_before: float
    planes: int
    """How many labelled planes were compared."""


def tune_watershed(
    project: Project,
    operation: str,
    class_index: int | None = None,
    *,
    progress: Callable[[float], None] = lambda _: None,
) -> TunedWatershed:
    """Try the watershed `operation` for a class (None: every class) on a grid of smoothings and heights.

    It takes the place of the same operation for the same class in the project's clean-up recipe, or the last. The
    recipe with the highest mean V-Rand over the labelled planes wins, of equals the one that smooths less and divides
    less. `progress` is told the share that is done, 0…1, and may raise to stop; the project isn't changed.

    Raises StudioError where no labelled plane has a proposal of the active model and two pixels of one instance.
    """
    compared = list(_labelled_proposals(project))
    before = project.steps()
    candidates = [
        _with(before, Step(operation, sigma, class_index, height))
        for sigma, height in product(_SIGMAS, reversed(_HEIGHTS[operation]))
    ]
    scores = []
    for number, steps in enumerate((before, *candidates)):
        scores.append(_mean_v_rand(compared, project.threshold, steps, boundary_classes(candidates[0])))
        progress((number + 1) / (len(candidates) + 1))
    if all(math.isnan(score) for score in scores):
        raise StudioError(
            "There is nothing to tune the watershed on: no labelled slide has a proposal of the active model. "
            "Propose masks, and label a few objects that touch, with the background between them."
        )
    best = int(np.nanargmax(scores[1:]))
    return TunedWatershed(candidates[best], scores[1 + best], scores[0], len(compared))


def _labelled_proposals(project: Project) -> Iterator[tuple[NDArray[np.uint8], NDArray[np.uint8]]]:
    """Labels (h, w) and refined probabilities (h, w, channels) of each labelled plane that has a proposal."""
    for plane in project.labelled_planes():
        view = view_plane(project, plane.plane, plane.shape)
        if view.proposal is not None:
            box = Box.of_shape(plane.shape)
            yield view.labels.read(box), view.probabilities(box)


def _with(steps: tuple[Step, ...], step: Step) -> tuple[Step, ...]:
    for place, old in enumerate(steps):
        if (old.operation, old.class_index) == (step.operation, step.class_index):
            return (*steps[:place], step, *steps[place + 1 :])
    return (*steps, step)


def _mean_v_rand(
    compared: list[tuple[NDArray[np.uint8], NDArray[np.uint8]]],
    threshold: float,
    steps: tuple[Step, ...],
    boundaries: frozenset[int],
) -> float:
    scores = []
    for labels, probabilities in compared:
        mask = cleaned_mask(probabilities, threshold, steps)
        found = thin_borders(instances(mask, boundaries=boundaries))
        scores.append(rand_score(instances(labels, boundaries=boundaries), found))
    known = [score for score in scores if not math.isnan(score)]
    return sum(known) / len(known) if known else math.nan
