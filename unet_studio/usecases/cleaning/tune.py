"""Tuning: a grid search for the two numbers of a watershed, on the planes that a person labelled."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import product

from unet_studio.core.cleaning.steps import WATERSHEDS, Step, boundary_classes
from unet_studio.core.labels.plane import PlaneState
from unet_studio.core.masks.mask_view import MaskView, cleaned_mask
from unet_studio.core.masks.project_view import view_plane
from unet_studio.core.project.store import Project
from unet_studio.core.project.stored_labels import LabelledPlane
from unet_studio.core.scoring.scores import TrueInstances
from unet_studio.core.slides.finding import is_there
from unet_studio.core.tiles import Box
from unet_studio.errors import RecipeError, StudioError
from unet_studio.protocol.values import NO_PROGRESS, Progress, check_cancelled

_SIGMAS = (0.0, 1.0, 2.0, 3.0)
_HEIGHTS = {
    "watershed": (0.02, 0.05, 0.1, 0.2, 0.3),
    "watershed-distance": (0.5, 1.0, 2.0, 4.0, 8.0),
    "watershed-boundary": (0.02, 0.05, 0.1, 0.2, 0.3),
}


@dataclass(frozen=True, slots=True)
class Trial:
    """A watershed that was tried, and the mean V-Rand after border thinning of the recipe with it."""

    step: Step
    v_rand: float


@dataclass(frozen=True, slots=True)
class TunedWatershed:
    """The recipe as it should be, all that was tried, the best of it, and what the recipe as it was comes to."""

    steps: tuple[Step, ...]
    """With the best watershed, or as they were where nothing that was tried is better."""
    trials: tuple[Trial, ...]
    best: Trial
    v_rand_before: float
    planes: int
    """How many labelled planes were compared."""

    @property
    def is_better(self) -> bool:
        """Whether the best watershed divides the planes better than the recipe as it was."""
        return self.best.v_rand > self.v_rand_before


def tune(
    project: Project, operation: str, class_index: int | None = None, *, progress: Progress = NO_PROGRESS
) -> TunedWatershed:
    """Try the watershed `operation` for a class (None: every class) on a grid of smoothings and heights.

    Each takes its place in the project's clean-up recipe as by `with_watershed`. The one with the highest mean V-Rand
    over the labelled planes is the best, of equals the one that smooths less and divides less. Only reviewed and fully
    labelled planes count: two strokes on one object would look like two objects. The project isn't changed. Memory is
    bounded by one plane.

    Raises RecipeError for an operation that is no watershed, and StudioError where no such plane has a proposal of the
    active model and two pixels of one instance, and `Cancelled`.
    """
    if operation not in WATERSHEDS:
        raise RecipeError(f"“{operation}” can't be tuned. What can be tuned is {', '.join(WATERSHEDS)}.")
    before = project.steps()
    steps = [
        Step(operation, sigma, class_index, height) for sigma, height in product(_SIGMAS, reversed(_HEIGHTS[operation]))
    ]
    recipes = (before, *(with_watershed(before, step) for step in steps))
    by_plane = list(_scores_by_plane(project, recipes, boundary_classes(recipes[1]), progress))
    if not by_plane:
        raise StudioError(
            "There is nothing to tune the watershed on: no slide that is reviewed or labelled all over has a proposal "
            "of the active model. Propose masks, then correct and review a slide on which objects touch."
        )
    v_rand_before, *v_rands = (sum(scores) / len(scores) for scores in zip(*by_plane, strict=True))
    trials = tuple(Trial(step, v_rand) for step, v_rand in zip(steps, v_rands, strict=True))
    best = max(trials, key=lambda trial: trial.v_rand)
    kept = with_watershed(before, best.step) if best.v_rand > v_rand_before else before
    return TunedWatershed(kept, trials, best, v_rand_before, len(by_plane))


def with_watershed(steps: tuple[Step, ...], step: Step) -> tuple[Step, ...]:
    """A recipe with `step` in place of the same operation for the same class, or as the last."""
    for place, old in enumerate(steps):
        if (old.operation, old.class_index) == (step.operation, step.class_index):
            return (*steps[:place], step, *steps[place + 1 :])
    return (*steps, step)


def _scores_by_plane(
    project: Project, recipes: Sequence[tuple[Step, ...]], boundaries: frozenset[int], progress: Progress
) -> Iterator[list[float]]:
    """The V-Rand of each recipe on each plane on which there is something to compare."""
    audit = project.audit()  # kept apart: its masks are to be judged
    planes = [plane for plane in project.labelled_planes() if _is_whole(plane) and plane.plane.slide not in audit]
    for number, plane in enumerate(planes):
        view = _proposed_view(project, plane)
        if view is None:
            continue
        judge, scores = _Judge(view, boundaries), []
        for done, recipe in enumerate(recipes):
            check_cancelled(progress, "Tuning was stopped; the clean-up stays as it was.")
            scores.append(judge.v_rand(recipe))
            progress.report((number + (done + 1) / len(recipes)) / len(planes), plane.plane.slide)
        if not any(math.isnan(score) for score in scores):
            yield scores


def _is_whole(plane: LabelledPlane) -> bool:
    return plane.state is PlaneState.REVIEWED or plane.labelled == plane.shape[0] * plane.shape[1]


def _proposed_view(project: Project, plane: LabelledPlane) -> MaskView | None:
    """How the mask of a plane comes about, if it is there and has a proposal that fits its labels."""
    if not is_there(project.folder, plane.plane.slide):
        return None
    view = view_plane(project, plane.plane, plane.shape)
    return view if view.proposal is not None and view.proposal.shape == plane.shape else None


class _Judge:
    """Scores recipes by V-Rand on one labelled plane that has a proposal."""

    def __init__(self, view: MaskView, boundaries: frozenset[int]) -> None:
        box = Box.of_shape(view.labels.shape)
        self._probabilities = view.probabilities(box)
        self._threshold = view.threshold
        self._truth = TrueInstances(view.labels.read(box), boundaries=boundaries)

    def v_rand(self, steps: tuple[Step, ...]) -> float:
        return self._truth.v_rand(cleaned_mask(self._probabilities, self._threshold, steps))
