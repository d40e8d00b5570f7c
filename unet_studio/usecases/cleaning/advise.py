"""The clean-up adviser: the threshold and clean-up that would have saved most of a person's corrections."""

import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import reduce
from operator import add

import numpy as np
from numpy.typing import NDArray

from unet_studio.core.cleaning.steps import Step, boundary_classes
from unet_studio.core.labels.edits import Edit, MaskRecipe, RecipeChange
from unet_studio.core.labels.plane import PlaneState
from unet_studio.core.masks.crf import SlidePlane
from unet_studio.core.masks.kept import find_kept
from unet_studio.core.masks.mask_view import MaskView, cleaned_mask
from unet_studio.core.masks.proposals import find_proposal
from unet_studio.core.project.grouping import group_slides
from unet_studio.core.project.store import Project
from unet_studio.core.project.stored_labels import LabelledPlane
from unet_studio.core.scoring.next_plane import evenly_spaced
from unet_studio.core.scoring.object_counts import ObjectCounts, count_objects
from unet_studio.core.scoring.scores import Counts, count
from unet_studio.core.tiles import Box, cells_over, tile_box
from unet_studio.errors import StudioError
from unet_studio.protocol.values import NO_PROGRESS, Progress, SlideFailed, check_cancelled

EDIT_SENTENCE = "advised clean-up"
"""What the menu calls the edit that puts advice to use."""

_MOST_PLANES = 24
_BLOCK, _MOST_BLOCKS = 512, 4
"""A plane of more than 1024 × 1024 pixels is judged by four blocks, evenly spread over it."""
_MOST_FOLDS = 5
_PASSES = 2
_A_CHANGE = 0.001
"""What each difference from the recipe in use has to gain, in Dice and objects right, so that no step comes for
nothing."""
_A_GAIN = 0.005
"""What advice has to gain on left-out slides, and what neither figure may lose there."""

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
    """How far masks agree with labels: `dice` is pooled over pixels, the mean over classes; objects are counted."""

    dice: float
    objects: ObjectCounts

    @property
    def mean(self) -> float:
        """The mean of Dice and the F1 of objects; of what is there where one is NaN, and 0 where both are."""
        known = [figure for figure in (self.dice, self.objects.f1) if not math.isnan(figure)]
        return sum(known) / len(known) if known else 0.0


@dataclass(frozen=True, slots=True)
class Advice:
    """The recipe to use, and what it comes to.

    `left_out` is of every slide by a recipe that was chosen without it and the slides of its group: what to expect on
    other slides. `chosen_on` is of the advised recipe on the planes that it was chosen on, which flatters it.
    """

    now: MaskRecipe
    recipe: MaskRecipe
    before: Quality
    left_out: Quality
    chosen_on: Quality
    planes: int
    slides: int
    tried: int

    @property
    def is_better(self) -> bool:
        """Whether there is something to use; if not, `recipe` is the one in use."""
        return self.recipe != self.now


def advise(project: Project, *, progress: Progress = NO_PROGRESS) -> Advice:
    """Find the threshold and clean-up with which the proposals come nearest to what a person made of them.

    Reviewed planes are compared with the proposals that they were corrected on, or else the active model's; slides of
    the hold-out and the audit sample aren't used. Of many planes 24, evenly spread. Choices are tried one kind at a
    time (threshold, opening, closing, holes, small objects, watershed), over what is best so far, twice. The same is
    done with each of up to five parts of the slides left out, and the recipe is advised only where those gain: mean of
    Dice and F1 of objects by 0.005, neither lower by as much. Steps for one class, dilate, erode, CRF and a watershed
    of boundaries stay as they are. The project isn't changed.

    Raises StudioError where fewer than two such slides (or groups) are there, and `Cancelled`.
    """
    now = MaskRecipe(project.steps(), project.threshold)
    judged = _read_planes(project, progress)
    groups = group_slides((plane.slide for plane in judged), project.hold_out_groups)
    names = sorted(set(groups.values()))
    if len(names) < 2:
        raise StudioError(
            "Advice needs reviewed slides from at least two groups that aren't on the hold-out or in the audit sample "
            f"and have a proposal; there are {len(names)}. Propose, correct and review some more slides."
        )
    folds = min(_MOST_FOLDS, len(names))
    fold_of = {name: number % folds for number, name in enumerate(names)}
    search = _Search(now, progress, len(judged))
    recipe = search.choose(judged)
    left_out: list[_Counted] = []
    for fold in range(folds):
        inside = [plane for plane in judged if fold_of[groups[plane.slide]] == fold]
        others = [plane for plane in judged if fold_of[groups[plane.slide]] != fold]
        chosen = search.choose(others)
        left_out += [plane.counted(chosen) for plane in inside]
    before, after = search.quality(judged, now), _pool(left_out)
    is_better = (
        after.mean - before.mean >= _A_GAIN
        and not before.dice - after.dice >= _A_GAIN
        and not before.objects.f1 - after.objects.f1 >= _A_GAIN
    )
    recipe = recipe if is_better else now
    return Advice(
        now, recipe, before, after, search.quality(judged, recipe), len(judged), len({p.slide for p in judged}),
        search.tried,
    )  # fmt: skip


def use_advice(project: Project, advice: Advice) -> None:
    """Put advice to use, as one edit that can be undone."""
    if advice.is_better:
        change = RecipeChange(MaskRecipe(project.steps(), project.threshold), advice.recipe)
        project.record(project.next_edit_id(), Edit(EDIT_SENTENCE, recipe=change))


_Counted = tuple[Counts, ObjectCounts]


@dataclass(slots=True, eq=False)
class _JudgedPlane:
    """What a reviewed plane was proposed as and what a person made of it, in one or more blocks."""

    slide: str
    blocks: list[tuple[NDArray[np.uint8], NDArray[np.uint8]]]
    """Labels (h, w), and probabilities (h, w, channels) after the steps that look at the slide."""
    classes: int
    boundaries: frozenset[int]
    _known: dict[MaskRecipe, _Counted] = field(default_factory=dict)

    def counted(self, recipe: MaskRecipe) -> _Counted:
        if recipe not in self._known:
            self._known[recipe] = reduce(_add, (self._count(*block, recipe) for block in self.blocks))
        return self._known[recipe]

    def _count(self, labels: NDArray[np.uint8], probabilities: NDArray[np.uint8], recipe: MaskRecipe) -> _Counted:
        mask = cleaned_mask(probabilities, recipe.threshold, recipe.steps)
        return count(labels, mask, self.classes), count_objects(labels, mask, boundaries=self.boundaries)


class _Search:
    """Chooses recipes; what was worked out for a plane is kept."""

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

    def choose(self, planes: Sequence[_JudgedPlane]) -> MaskRecipe:
        """The best recipe on these planes; of equals the one nearest to the one in use."""
        best = self._now
        for _ in range(_PASSES):
            start = best
            for kind in _kinds(self._now.steps):
                best = max((best, *kind(best)), key=lambda recipe: self._gain(planes, recipe))
            if best == start:
                break
        return best

    def quality(self, planes: Sequence[_JudgedPlane], recipe: MaskRecipe) -> Quality:
        self._tried.add(recipe)
        counted = []
        for plane in planes:
            check_cancelled(self._progress, "Looking for a better clean-up was stopped; it stays as it was.")
            counted.append(plane.counted(recipe))
            self._done += 1
            self._progress.report(self._done / (self._done + max(self._expected - self._done, self._done / 4)), "")
        return _pool(counted)

    def _gain(self, planes: Sequence[_JudgedPlane], recipe: MaskRecipe) -> float:
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


def _add(one: _Counted, other: _Counted) -> _Counted:
    return one[0] + other[0], one[1] + other[1]


def _pool(counted: Iterable[_Counted]) -> Quality:
    pixels, objects = zip(*counted, strict=True)
    return Quality(reduce(add, pixels).mean_dice, reduce(add, objects))


def _read_planes(project: Project, progress: Progress) -> list[_JudgedPlane]:
    """The reviewed planes to learn from; one that can't be read is reported and left out."""
    apart = project.audit() | project.hold_out()
    reviewed = [
        plane
        for plane in project.labelled_planes()
        if plane.state is PlaneState.REVIEWED and plane.plane.slide not in apart
    ]
    found = []
    for plane in evenly_spaced(reviewed, _MOST_PLANES):
        check_cancelled(progress, "Looking for a better clean-up was stopped; it stays as it was.")
        try:
            view = _view(project, plane)
            if view is not None:
                blocks = [(view.labels.read(box), view.probabilities(box)) for box in _boxes(plane.shape)]
                boundaries = boundary_classes(project.steps())
                found.append(_JudgedPlane(plane.plane.slide, blocks, len(project.classes()), boundaries))
        except StudioError as error:
            progress.event(SlideFailed(plane.plane.slide, str(error)))
    return found


def _view(project: Project, plane: LabelledPlane) -> MaskView | None:
    proposal = find_kept(project, plane.plane) or find_proposal(project.place, project.active_model, plane.plane)
    if proposal is None or proposal.shape != plane.shape or proposal.channels != len(project.classes()) - 1:
        return None
    labels, slide = (
        project.labels(plane.plane, plane.shape),
        SlidePlane(project.folder / plane.plane.slide, plane.plane.plane),
    )
    return MaskView(labels, proposal, project.threshold, project.steps(), slide)


def _boxes(shape: tuple[int, int]) -> Iterator[Box]:
    plane = Box.of_shape(shape)
    if shape[0] * shape[1] <= _MOST_BLOCKS * _BLOCK**2:
        yield plane
        return
    for cell in evenly_spaced([*cells_over(plane, _BLOCK)], _MOST_BLOCKS):
        yield tile_box(cell, _BLOCK).intersect(plane)
