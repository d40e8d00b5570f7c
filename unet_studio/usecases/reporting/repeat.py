"""Labelling again, blinded: reviewed slides are dealt as fresh copies under neutral names, and compared afterwards."""

import json
import os
import shutil
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from unet_studio.core.classes import BACKGROUND, UNLABELLED
from unet_studio.core.files import write_atomically
from unet_studio.core.labels.plane import PlaneId, PlaneState
from unet_studio.core.project.active_model import use_model
from unet_studio.core.project.store import Project
from unet_studio.core.reporting.agreement import Agreement, SlideAgreement, pool_agreement
from unet_studio.core.scoring.object_counts import count_objects
from unet_studio.core.scoring.scores import count
from unet_studio.core.tiles import Box
from unet_studio.errors import StudioError
from unet_studio.protocol.values import NO_PROGRESS, Progress, SlideFailed, check_cancelled

REPEAT = "repeat"
"""The folder of a project in which slides are dealt again."""
_KEY = "repeat-key.json"
"""Which slide is which, beside that folder, so that nobody who opens it sees it."""


@dataclass(frozen=True, slots=True)
class Dealt:
    """Where the slides were dealt, and their neutral names."""

    folder: Path
    names: tuple[str, ...]


@dataclass(frozen=True, slots=True, eq=False)
class Repeated:
    """Two labellings compared: the first counts as labels, the second as the mask. `waiting` aren't reviewed yet."""

    slides: tuple[SlideAgreement, ...]
    waiting: tuple[str, ...]

    @property
    def pooled(self) -> Agreement:
        return pool_agreement(self.slides)


def deal(project: Project, *, share: float = 0.1, slides: int | None = None, seed: int = 0) -> Dealt:
    """Deal reviewed slides again: fresh copies, in random order and under neutral names, as a project of their own.

    It has the same classes, model, threshold and clean-up, and no label. At least one slide is dealt; `slides` says how
    many instead of `share`. Slides keep the ending of their names. Raises StudioError where nothing is reviewed, slides
    are gone, or some are dealt already.
    """
    folder, key = project.place / REPEAT, project.place / _KEY
    if key.exists():
        raise StudioError(
            f"Slides are dealt already, in '{folder}'. Label and compare them with --compare; to deal others, remove "
            f"that folder and '{key.name}' beside it."
        )
    reviewed = sorted({plane.slide for plane, state in project.states().items() if state is PlaneState.REVIEWED})
    there = [slide for slide in reviewed if (project.folder / slide).is_file()]
    if not there:
        raise StudioError("No slide is reviewed, so there is nothing to label again. Review some slides first.")
    number = slides if slides is not None else max(1, round(share * len(there)))
    if number > len(there):
        raise StudioError(f"{number} slides were asked for, but only {len(there)} are reviewed.")
    chosen = np.random.default_rng(seed).permutation(len(there))[:number]
    names = {f"slide-{n:03d}{Path(there[index]).suffix}": there[index] for n, index in enumerate(chosen, 1)}
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for name, slide in names.items():
            _copy(project.folder / slide, folder / name)
    except OSError as error:
        raise StudioError(f"The slides can't be copied to '{folder}': {error.strerror or error}.") from error
    with Project.open(folder) as fresh:
        fresh.set_classes(project.classes())
        fresh.set_steps(project.steps())
        fresh.set_setting("threshold", str(project.threshold))
        _take_model(project, fresh)
    write_atomically(key, json.dumps(names, indent=1).encode())
    return Dealt(folder, tuple(names))


def compare(project: Project, *, progress: Progress = NO_PROGRESS) -> Repeated:
    """Compare both labellings of all slides that were dealt and are reviewed again, on pixels labelled both times.

    A slide that can't be compared is reported. Raises StudioError where none was dealt, and `Cancelled`.
    """
    names = _read_key(project)
    if names is None:
        raise StudioError("No slide was dealt again yet. 'unet-studio repeat FOLDER' does so.")
    found, waiting = [], []
    with Project.open(project.place / REPEAT) as fresh:
        states = fresh.states()
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
            if parts:
                total = parts[0]
                for part in parts[1:]:
                    total += part
                found.append(total)
            else:
                waiting.append(name)
    return Repeated(tuple(found), tuple(waiting))


def repeated_agreement(project: Project, *, progress: Progress = NO_PROGRESS) -> Agreement | None:
    """The pooled agreement of both labellings; None where no slide was labelled twice."""
    if _read_key(project) is None:
        return None
    repeated = compare(project, progress=progress)
    return repeated.pooled if repeated.slides else None


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


def _read_key(project: Project) -> dict[str, str] | None:
    key = project.place / _KEY
    if not key.is_file():
        return None
    try:
        return {str(name): str(slide) for name, slide in json.loads(key.read_text(encoding="utf-8")).items()}
    except (OSError, ValueError, AttributeError) as error:
        raise StudioError(f"'{key}' can't be read ({error}), so nobody knows which slide is which.") from error


def _copy(source: Path, target: Path) -> None:
    """A second name where the disk has hard links, else a copy."""
    target.unlink(missing_ok=True)
    try:
        os.link(source, target)
    except OSError:
        shutil.copyfile(source, target)


def _take_model(project: Project, fresh: Project) -> None:
    if not project.active_model:
        return
    home = project.place / "models" / project.active_model
    use_model(fresh, str(home) if home.is_dir() else project.active_model)
