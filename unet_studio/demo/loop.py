"""The whole loop on the demo slides without a window: propose, clean up, correct, retrain, propose again, export."""

import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import reduce
from operator import add
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from unet_studio import paths
from unet_studio.core.cleaning.steps import parse_steps
from unet_studio.core.exchange.exporting import ExportRequest, Format, Wanted
from unet_studio.core.exchange.kept_masks import keep_masks
from unet_studio.core.exchange.mask_reading import read_mask
from unet_studio.core.exchange.pairs import pair_up
from unet_studio.core.labels.plane import LabelPlane, PlaneId
from unet_studio.core.masks.mask_view import MaskView
from unet_studio.core.masks.proposals import find_proposal
from unet_studio.core.project.store import Project
from unet_studio.core.scoring.judgement import Judgement
from unet_studio.core.scoring.scores import Counts, count
from unet_studio.core.slides.finding import find_slides
from unet_studio.core.tiles import Box
from unet_studio.core.workspace.accepting import review
from unet_studio.core.workspace.workspace import Workspace
from unet_studio.demo.slides import has_project, prepare_demo
from unet_studio.errors import ProjectError, StudioError
from unet_studio.protocol.values import PhaseBegan, Progress, ProposeJob, RetrainJob, check_cancelled
from unet_studio.simulation.painting import correct
from unet_studio.usecases.adopt import adopt
from unet_studio.usecases.cleaning.clean import clean
from unet_studio.usecases.engine import Engine
from unet_studio.usecases.export import export

STEPS = "open:disk:1,fill-holes:0,remove-small:20"
_CORRECTED_SLIDES = 4

_Masks = dict[str, NDArray[np.uint8]]
"""Class indices (h, w) by slide."""


@dataclass(frozen=True, slots=True)
class DemoReport:
    """What the loop came to.

    Dice is of the cleaned-up proposals before and after the retraining, pooled over the pixels of slides with a true
    mask: `dice_…` of those that nobody corrected, `all_dice_…` of all. `judgement` is of the new
    model, and `seconds` has the time of each phase.
    """

    folder: Path
    exported: Path
    corrected: tuple[str, ...]
    strokes: int
    dice_before: float
    dice_after: float
    all_dice_before: float
    all_dice_after: float
    judgement: Judgement
    seconds: dict[str, float]


def run_headless(target: Path, progress: Progress, engine: Engine, *, smallest: int = 1) -> DemoReport:
    """Run the loop in `target`, where no demo has been worked on yet; its files stay there.

    The first slides that have a true mask are corrected from it by simulated strokes, down to wrong regions of
    `smallest` pixels. The beginning of each phase is reported. Raises StudioError where `target` is in use, `Cancelled`
    where the user asked to stop.
    """
    if has_project(target):
        raise StudioError(f"Somebody already worked on the demo in '{target}'. Choose a new folder for this run.")
    folder = prepare_demo(target)
    truths = _read_truths(folder)
    corrected = tuple(truths)[:_CORRECTED_SLIDES]
    clock = _Clock(progress)
    with clock.phase("Propose"):
        _propose(folder, progress, engine)
    with clock.phase("Clean up"):
        before = _clean_up(folder, truths)
    with clock.phase("Correct"):
        strokes = _correct(folder, {slide: truths[slide] for slide in corrected}, progress, smallest=smallest)
    with clock.phase("Retrain"):
        judgement = _retrain(folder, progress, engine)
    with clock.phase("Propose again"):
        _propose(folder, progress, engine)
    with clock.phase("Export"):
        exported = _export(folder, target / "export")
    with Project.open(folder) as project:
        after = _judge(project, truths)
    fresh = [slide for slide in truths if slide not in corrected]
    return DemoReport(
        folder, exported, corrected, strokes, _dice(before, fresh), _dice(after, fresh),
        _dice(before, truths), _dice(after, truths), judgement, clock.seconds,
    )  # fmt: skip


class _Clock:
    """Reports which phase begins, and keeps how long each took."""

    def __init__(self, progress: Progress) -> None:
        self.seconds: dict[str, float] = {}
        self._progress = progress

    @contextmanager
    def phase(self, name: str) -> Iterator[None]:
        self._progress.event(PhaseBegan(name))
        started = time.monotonic()
        yield
        self.seconds[name] = round(time.monotonic() - started, 2)


def _read_truths(folder: Path) -> _Masks:
    """The true masks of the demo slides that have one, in order."""
    masks = paths.resources() / "demo" / "masks"
    return {pair.slide: read_mask(pair.mask).astype(np.uint8) for pair in pair_up(folder, masks).pairs}


def _propose(folder: Path, progress: Progress, engine: Engine) -> None:
    """Propose with the active model where there is no proposal of it yet."""
    with Project.open(folder) as project:
        place, model = project.place, project.active_model
    planes = [(slide, -1) for slide in find_slides(folder)]
    engine.propose(ProposeJob(str(folder), str(place), model, planes), progress)


def _clean_up(folder: Path, truths: _Masks) -> dict[str, Counts]:
    """Store the recipe; returns how well the proposals agree with the truth now."""
    with Project.open(folder) as project:
        clean(project, parse_steps(STEPS))
        return _judge(project, truths)


def _correct(folder: Path, truths: _Masks, progress: Progress, *, smallest: int) -> int:
    """Correct slides and mark them as reviewed, as the window does; returns the number of strokes."""
    workspace = Workspace.open(folder)
    try:
        strokes = 0
        for index, (slide, truth) in enumerate(truths.items()):
            progress.report(index / len(truths), slide)
            check_cancelled(progress, "The demo was stopped; what was corrected before stays.")
            strokes += _correct_slide(workspace, PlaneId(slide), truth, smallest=smallest)
    finally:
        written = workspace.close()
    if not written:
        raise ProjectError(f"The corrections could not be written to '{workspace.place}'. Is the disk full?")
    with Project.open(folder) as project:
        keep_masks(project, [PlaneId(slide) for slide in truths])
    return strokes


def _correct_slide(workspace: Workspace, plane: PlaneId, truth: NDArray[np.uint8], *, smallest: int) -> int:
    shape = (truth.shape[0], truth.shape[1])
    labels = workspace.labels(plane, shape)
    cleaned = workspace.mask(plane, labels).cleaned(Box.of_shape(shape))
    strokes = 0
    for edit in correct(labels, plane, cleaned, truth, smallest=smallest):
        workspace.perform(edit, shape, made=labels)
        strokes += 1
    review(workspace, plane, labels)
    return strokes


def _retrain(folder: Path, progress: Progress, engine: Engine) -> Judgement:
    """Retrain the active model, and use the new one where the gate lets it."""
    with Project.open(folder) as project:
        job = RetrainJob(str(folder), str(project.place), project.active_model)
        return adopt(project, engine.retrain(job, progress))


def _export(folder: Path, out: Path) -> Path:
    with Project.open(folder) as project:
        for kind, sub in ((Format.PNG, "masks"), (Format.OVERLAY, "overlays")):
            exported = export(project, ExportRequest(out / sub, kind, states=Wanted.ANY))
            for problem in exported.failed:
                raise StudioError(problem.reason)
    return out


def _judge(project: Project, truths: _Masks) -> dict[str, Counts]:
    """Compare the cleaned-up proposal of each slide, without anybody's labels, with its true mask."""
    classes = len(project.classes())
    counts = {}
    for slide, truth in truths.items():
        box = Box.of_shape(truth.shape)
        proposal = find_proposal(project.place, project.active_model, PlaneId(slide))
        view = MaskView(LabelPlane(box.shape), proposal, project.threshold, project.steps())
        counts[slide] = count(truth, view.cleaned(box), classes)
    return counts


def _dice(counts: dict[str, Counts], slides: Iterable[str]) -> float:
    return reduce(add, (counts[slide] for slide in slides)).mean_dice
