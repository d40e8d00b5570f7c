"""The search for the threshold and clean-up with which the masks of some planes come nearest to their labels."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from functools import reduce
from operator import add

import numpy as np
from numpy.typing import NDArray

from unet_studio.core.cleaning.steps import Step, boundary_classes
from unet_studio.core.labels.edits import MaskRecipe
from unet_studio.core.masks.mask_view import cleaned_mask
from unet_studio.core.scoring.object_counts import ObjectCounts, count_objects
from unet_studio.core.scoring.scores import Counts, count
from unet_studio.protocol.values import Progress, check_cancelled

STOPPED = "Looking for a better clean-up was stopped; it stays as it was."

_PASSES = 2
_A_CHANGE = 0.001
"""What each difference from the recipe in use has to gain, in Dice and objects right, so that no step comes for
nothing."""

_THRESHOLDS = (0.3, 0.4, 0.5, 0.6, 0.7)
_ORDER = ("open", "close", "fill-holes", "remove-small", "watershed")
_STEPS: dict[str, tuple[Step, ...]] = {
    "open": tuple(Step("open", radius) for radius in (1, 2, 3)),
    "close": tuple(Step("close", radius) for radius in (1, 2, 3)),
    "fill-holes": (Step("fill-holes", 64), Step("fill-holes", 512)),
    "remove-small": tuple(Step("remove-small", area) for area in (16, 32, 64, 128, 256, 512)),
    "watershed": (
        *(Step("watershed", 1, height=height) for height in (0.05, 0.1, 0.2)),
        *(Step("watershed-distance", 1, height=height) for height in (0.5, 1.0, 2.0)),
    ),
}


@dataclass(frozen=True, slots=True)
class Quality:
    """How far masks agree with labels, by pixels and by objects; that of several planes is pooled with `+`."""

    pixels: Counts
    objects: ObjectCounts

    def __add__(self, other: "Quality") -> "Quality":
        return Quality(self.pixels + other.pixels, self.objects + other.objects)

    @property
    def dice(self) -> float:
        """The mean over the classes but background."""
        return self.pixels.mean_dice

    @property
    def mean(self) -> float:
        """The mean of Dice and the F1 of objects; of what is there where one is NaN, and 0 where both are."""
        known = [figure for figure in (self.dice, self.objects.f1) if not math.isnan(figure)]
        return sum(known) / len(known) if known else 0.0


@dataclass(slots=True, eq=False)
class JudgedPlane:
    """What a reviewed plane was proposed as and what a person made of it, in one or more blocks."""

    slide: str
    blocks: list[tuple[NDArray[np.uint8], NDArray[np.uint8]]]
    """Labels (h, w), and probabilities (h, w, channels) after the steps that look at the slide."""
    classes: int
    boundaries: frozenset[int]
    _known: dict[MaskRecipe, Quality] = field(default_factory=dict)

    def quality(self, recipe: MaskRecipe) -> Quality:
        """How far the mask by a recipe agrees with the labels; worked out once."""
        if recipe not in self._known:
            self._known[recipe] = reduce(add, (self._judge(*block, recipe) for block in self.blocks))
        return self._known[recipe]

    def _judge(self, labels: NDArray[np.uint8], probabilities: NDArray[np.uint8], recipe: MaskRecipe) -> Quality:
        mask = cleaned_mask(probabilities, recipe.threshold, recipe.steps)
        return Quality(count(labels, mask, self.classes), count_objects(labels, mask, boundaries=self.boundaries))


class RecipeSearch:
    """Chooses the recipe that comes nearest to the labels of planes, from the one in use `now`.

    `planes` says how many there are at the most, which the progress is told from.
    """

    def __init__(self, now: MaskRecipe, progress: Progress, planes: int) -> None:
        self._now = now
        self._progress = progress
        self._expected = planes * (2 + len(_THRESHOLDS) + sum(len(steps) + 1 for steps in _STEPS.values())) * 2
        self._done = 0
        self._tried: set[MaskRecipe] = set()

    @property
    def tried(self) -> int:
        """How many recipes were tried."""
        return len(self._tried)

    def choose(self, planes: Sequence[JudgedPlane]) -> MaskRecipe:
        """The best recipe on these planes; of equals the one nearest to the one in use."""
        best = self._now
        for _ in range(_PASSES):
            start = best
            for kind in _kinds(self._now.steps):
                best = max((best, *kind(best)), key=lambda recipe: self._gain(planes, recipe))
            if best == start:
                break
        return best

    def quality(self, planes: Sequence[JudgedPlane], recipe: MaskRecipe) -> Quality:
        """How far the masks of these planes by a recipe agree with their labels; raises `Cancelled`."""
        self._tried.add(recipe)
        found = []
        for plane in planes:
            check_cancelled(self._progress, STOPPED)
            found.append(plane.quality(recipe))
            self._done += 1
            self._progress.report(self._done / (self._done + max(self._expected - self._done, self._done / 4)), "")
        return reduce(add, found)

    def _gain(self, planes: Sequence[JudgedPlane], recipe: MaskRecipe) -> float:
        return self.quality(planes, recipe).mean - _A_CHANGE * _differences(self._now, recipe)


def _kinds(steps: Sequence[Step]) -> list[Callable[[MaskRecipe], list[MaskRecipe]]]:
    """The alternatives to a recipe, one kind of choice after the other."""

    def of_thresholds(recipe: MaskRecipe) -> list[MaskRecipe]:
        return [replace(recipe, threshold=threshold) for threshold in _THRESHOLDS]

    def of_steps(kind: str) -> Callable[[MaskRecipe], list[MaskRecipe]]:
        return lambda recipe: [
            replace(recipe, steps=_with_step(recipe.steps, kind, step)) for step in (None, *_STEPS[kind])
        ]

    kinds = [kind for kind in _ORDER if kind != "watershed" or not boundary_classes(steps)]
    return [of_thresholds, *(of_steps(kind) for kind in kinds)]


def _with_step(steps: tuple[Step, ...], kind: str, step: Step | None) -> tuple[Step, ...]:
    """A recipe whose step of a kind, for all classes, is another one or none; a new one goes before later kinds."""
    added = [step] if step is not None else []
    for place, old in enumerate(steps):
        if _kind(old) == kind:
            return (*steps[:place], *added, *steps[place + 1 :])
    later = _ORDER[_ORDER.index(kind) + 1 :]
    place = next((place for place, old in enumerate(steps) if _kind(old) in later), len(steps))
    return (*steps[:place], *added, *steps[place:])


def _kind(step: Step) -> str:
    if step.class_index is not None:
        return ""
    return "watershed" if step.operation == "watershed-distance" else step.operation


def _differences(one: MaskRecipe, other: MaskRecipe) -> int:
    steps = {_kind(step) for step in {*one.steps} ^ {*other.steps}}
    return len(steps) + (one.threshold != other.threshold)
