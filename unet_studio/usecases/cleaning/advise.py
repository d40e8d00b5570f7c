"""The clean-up adviser: the threshold and clean-up that would have saved most of a person's corrections."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import reduce
from operator import add

from unet_studio.core.cleaning.steps import boundary_classes
from unet_studio.core.labels.edits import Edit, MaskRecipe, RecipeChange
from unet_studio.core.labels.plane import PlaneState
from unet_studio.core.masks.kept import find_kept
from unet_studio.core.masks.mask_view import MaskView
from unet_studio.core.masks.project_view import view_over
from unet_studio.core.masks.proposals import find_proposal
from unet_studio.core.project.grouping import group_slides
from unet_studio.core.project.store import Project
from unet_studio.core.project.stored_labels import LabelledPlane
from unet_studio.core.scoring.next_plane import evenly_spaced
from unet_studio.core.tiles import Box, cells_over, tile_box
from unet_studio.errors import StudioError
from unet_studio.protocol.values import NO_PROGRESS, Progress, SlideFailed, check_cancelled
from unet_studio.usecases.cleaning.recipe_search import STOPPED, JudgedPlane, Quality, RecipeSearch

EDIT_SENTENCE = "advised clean-up"
"""What the menu calls the edit that puts advice to use."""

_MOST_PLANES = 24
_BLOCK, _MOST_BLOCKS = 512, 4
"""A plane of more than 1024 × 1024 pixels is judged by four blocks, evenly spread over it."""
_MOST_FOLDS = 5
_A_GAIN = 0.005
"""What advice has to gain on left-out slides, and what neither figure may lose there."""


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
    search = RecipeSearch(now, progress, len(judged))
    recipe = search.choose(judged)
    left_out: list[Quality] = []
    for fold in range(folds):
        inside = [plane for plane in judged if fold_of[groups[plane.slide]] == fold]
        others = [plane for plane in judged if fold_of[groups[plane.slide]] != fold]
        chosen = search.choose(others)
        left_out += [plane.quality(chosen) for plane in inside]
    before, after = search.quality(judged, now), reduce(add, left_out)
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


def _read_planes(project: Project, progress: Progress) -> list[JudgedPlane]:
    """The reviewed planes to learn from; one that can't be read is reported and left out."""
    apart = project.audit() | project.hold_out()
    reviewed = [
        plane
        for plane in project.labelled_planes()
        if plane.state is PlaneState.REVIEWED and plane.plane.slide not in apart
    ]
    found = []
    for plane in evenly_spaced(reviewed, _MOST_PLANES):
        check_cancelled(progress, STOPPED)
        try:
            view = _view(project, plane)
            if view is not None:
                blocks = [(view.labels.read(box), view.probabilities(box)) for box in _boxes(plane.shape)]
                boundaries = boundary_classes(project.steps())
                found.append(JudgedPlane(plane.plane.slide, blocks, len(project.classes()), boundaries))
        except StudioError as error:
            progress.event(SlideFailed(plane.plane.slide, str(error)))
    return found


def _view(project: Project, plane: LabelledPlane) -> MaskView | None:
    proposal = find_kept(project, plane.plane) or find_proposal(project.place, project.active_model, plane.plane)
    if proposal is None or proposal.shape != plane.shape or proposal.channels != len(project.classes()) - 1:
        return None
    return view_over(project, plane.plane, plane.shape, proposal)


def _boxes(shape: tuple[int, int]) -> Iterator[Box]:
    plane = Box.of_shape(shape)
    if shape[0] * shape[1] <= _MOST_BLOCKS * _BLOCK**2:
        yield plane
        return
    for cell in evenly_spaced([*cells_over(plane, _BLOCK)], _MOST_BLOCKS):
        yield tile_box(cell, _BLOCK).intersect(plane)
