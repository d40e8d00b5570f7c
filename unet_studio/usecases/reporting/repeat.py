"""Labelling again, blinded: reviewed slides are dealt as fresh copies under neutral names, and compared afterwards."""

import json
import shutil
from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from functools import reduce
from operator import add
from pathlib import Path

import numpy as np

from unet_studio.core.classes import BACKGROUND, UNLABELLED
from unet_studio.core.files import path_inside
from unet_studio.core.labels.plane import PlaneId, PlaneState
from unet_studio.core.masks.proposals import proposal_file, proposed_planes
from unet_studio.core.models.notes import remove_notes
from unet_studio.core.project.active_model import use_model
from unet_studio.core.project.store import Project
from unet_studio.core.reporting.agreement import Agreement, SlideAgreement, pool_agreement
from unet_studio.core.scoring.object_counts import count_objects
from unet_studio.core.scoring.scores import count
from unet_studio.core.slides.finding import is_there, slide_file
from unet_studio.core.tiles import Box
from unet_studio.errors import StudioError
from unet_studio.protocol.values import NO_PROGRESS, Progress, SlideFailed, check_cancelled

REPEAT = "repeat"
"""The folder of a project in which slides are dealt again."""


@dataclass(frozen=True, slots=True)
class Dealt:
    """Where the slides were dealt, their neutral names, and how many of them have a proposal."""

    folder: Path
    names: tuple[str, ...]
    proposed: int


@dataclass(frozen=True, slots=True, eq=False)
class Repeated:
    """Two labellings compared: the first counts as labels, the second as the mask.

    `on_proposals` are the slides that were labelled again on a proposal, `waiting` those that aren't reviewed yet.
    """

    slides: tuple[SlideAgreement, ...]
    on_proposals: tuple[str, ...]
    waiting: tuple[str, ...]

    @property
    def pooled(self) -> Agreement:
        return pool_agreement(self.slides)

    @property
    def basis(self) -> str:
        """What the second labelling began with, in a sentence for a person."""
        if not self.on_proposals:
            return "The second labelling was done without proposals."
        return (
            f"On {len(self.on_proposals)} of {len(self.slides)} slides the second labelling began with a proposal, so "
            "the agreement includes what both labellings left of proposals as it was."
        )


def deal(
    project: Project, *, share: float = 0.1, slides: int | None = None, seed: int = 0, with_proposals: bool = False
) -> Dealt:
    """Deal reviewed slides again: copies, in random order and under neutral names, as a project of their own.

    It has the same classes, model, threshold and clean-up, and no label; the proposals of that model, as far as there
    are some, only `with_proposals`. The names of the slides are nowhere in it: the project keeps the key. At least one
    slide is dealt; `slides` says how many instead of `share`. Slides keep the ending of their names. Raises StudioError
    where nothing is reviewed, slides are gone, or some are dealt already.
    """
    folder = project.place / REPEAT
    if folder.exists():
        raise StudioError(
            f"Slides are dealt already, in '{folder}'. Label and compare them with --compare; to deal others, remove "
            "that folder."
        )
    reviewed = sorted({plane.slide for plane, state in project.states().items() if state is PlaneState.REVIEWED})
    there = [slide for slide in reviewed if is_there(project.folder, slide)]
    if not there:
        raise StudioError("No slide is reviewed, so there is nothing to label again. Review some slides first.")
    number = slides if slides is not None else max(1, round(share * len(there)))
    if number > len(there):
        raise StudioError(f"{number} slides were asked for, but only {len(there)} are reviewed.")
    chosen = np.random.default_rng(seed).permutation(len(there))[:number]
    names = {f"slide-{n:03d}{Path(there[index]).suffix}": there[index] for n, index in enumerate(chosen, 1)}
    project.set_setting("repeat_key", json.dumps(names))
    with ExitStack() as undo:
        undo.callback(shutil.rmtree, folder, ignore_errors=True)
        try:
            folder.mkdir(parents=True)
            for name, slide in names.items():
                shutil.copyfile(slide_file(project.folder, slide), path_inside(folder, name))
            proposed = _make_project(project, folder, names, with_proposals=with_proposals)
        except OSError as error:
            raise StudioError(f"The slides can't be copied to '{folder}': {error.strerror or error}.") from error
        undo.pop_all()
    return Dealt(folder, tuple(names), proposed)


def compare(project: Project, *, progress: Progress = NO_PROGRESS) -> Repeated:
    """Compare both labellings of all slides that were dealt and are reviewed again, on pixels labelled both times.

    A slide that can't be compared is reported. Raises StudioError where none was dealt, and `Cancelled`.
    """
    names = _read_key(project)
    if not names:
        raise StudioError("No slide was dealt again yet. 'unet-studio repeat FOLDER' does so.")
    found, on_proposals, waiting = [], [], []
    with Project.open(project.place / REPEAT) as fresh:
        states, kept = fresh.states(), fresh.kept_proposals()
        shapes = {plane.plane: plane.shape for plane in project.labelled_planes()}
        for number, (name, slide) in enumerate(names.items()):
            check_cancelled(progress, "The comparison was stopped.")
            progress.report(number / len(names), name)
            numbers = sorted(p.plane for p, state in states.items() if p.slide == name and state is PlaneState.REVIEWED)
            try:
                parts = [
                    _compare_plane(project, fresh, PlaneId(slide, plane), PlaneId(name, plane), shapes)
                    for plane in numbers
                    if PlaneId(slide, plane) in shapes
                ]
            except StudioError as error:
                progress.event(SlideFailed(slide, str(error)))
                continue
            if not parts:
                waiting.append(name)
                continue
            found.append(reduce(add, parts))
            if any(PlaneId(name, plane) in kept for plane in numbers):
                on_proposals.append(slide)
    return Repeated(tuple(found), tuple(on_proposals), tuple(waiting))


def compare_so_far(project: Project, *, progress: Progress = NO_PROGRESS) -> Repeated | None:
    """Both labellings compared; None where no slide was labelled twice."""
    if not _read_key(project):
        return None
    repeated = compare(project, progress=progress)
    return repeated if repeated.slides else None


def _compare_plane(
    project: Project, fresh: Project, first: PlaneId, second: PlaneId, shapes: dict[PlaneId, tuple[int, int]]
) -> SlideAgreement:
    box = Box.of_shape(shapes[first])
    before = project.labels(first, box.shape).read(box)
    after = fresh.labels(second, box.shape).read(box)
    both = (before != UNLABELLED) & (after != UNLABELLED)
    before, after = np.where(both, before, np.uint8(UNLABELLED)), np.where(both, after, np.uint8(BACKGROUND))
    objects = count_objects(before, after)
    return SlideAgreement(first.slide, count(before, after, len(project.classes())), objects)


def _read_key(project: Project) -> dict[str, str]:
    """The slides by their neutral names; empty where none are dealt."""
    if not project.repeat_key or not (project.place / REPEAT).is_dir():
        return {}
    return {str(name): str(slide) for name, slide in json.loads(project.repeat_key).items()}


def _make_project(project: Project, folder: Path, names: Mapping[str, str], *, with_proposals: bool) -> int:
    """Make the project of the slides that were dealt; returns how many of them have a proposal."""
    with Project.open(folder) as fresh:
        fresh.set_classes(project.classes())
        fresh.set_steps(project.steps())
        fresh.set_setting("threshold", str(project.threshold))
        _take_model(project, fresh)
        return _take_proposals(project, fresh, names) if with_proposals else 0


def _take_model(project: Project, fresh: Project) -> None:
    if not project.active_model:
        return
    home = path_inside(project.place, f"models/{project.active_model}")
    card = use_model(fresh, str(home) if home.is_dir() else project.active_model)
    if not card.is_bundled:
        remove_notes(card.folder)


def _take_proposals(project: Project, fresh: Project, names: Mapping[str, str]) -> int:
    """Copy the active model's proposals for these slides; returns for how many there are some."""
    model, proposed = project.active_model, set()
    for plane in proposed_planes(project.place, model):
        for name in (name for name, slide in names.items() if slide == plane.slide):
            file = proposal_file(fresh.place, model, PlaneId(name, plane.plane))
            file.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(proposal_file(project.place, model, plane), file)
            proposed.add(name)
    return len(proposed)
