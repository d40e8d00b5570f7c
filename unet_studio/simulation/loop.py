"""Runs one simulation: the F1 of the proposals against the minutes of an annotator's work."""

import math
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from unet_studio.core.classes import UNLABELLED, LabelClass, make_classes
from unet_studio.core.editing.strokes import make_edit
from unet_studio.core.labels.plane import PlaneId, PlaneState
from unet_studio.core.project.active_model import use_model
from unet_studio.core.project.store import Project
from unet_studio.core.tiles import Box
from unet_studio.errors import MaskError
from unet_studio.protocol.values import Progress, Retrained
from unet_studio.simulation.annotator import Annotator
from unet_studio.simulation.learner import Learner
from unet_studio.simulation.progress import OverallProgress
from unet_studio.simulation.runs import Point, Run, Setup, Way
from unet_studio.simulation.truth import Truths, divide, read_truths
from unet_studio.usecases.engine import Engine

_UNLIMITED_MINUTES = 1.0
"""A training without a limit in time counts as this many minutes of the annotator's work."""


def simulate(setup: Setup, engine: Engine, progress: Progress, *, ceiling: bool = False) -> Run:
    """Simulate a person on part of a folder's slides and judge the models on the others.

    The project is made in a temporary folder and removed; nothing in the slides' folder changes. With `ceiling` a model
    is also trained on all slides of the pool, fully labelled, from the same start and as often as in the simulation.
    Raises `MaskError` where fewer than two slides have a true mask, or the person would look at empty planes only and
    there is none or no model that proposes, and `Cancelled` where the user asked to stop.
    """
    if setup.way is Way.EMPTIES and not setup.start:
        raise MaskError("Empty slides alone teach no class. Name a model to start from, for example with --start.")
    overall = OverallProgress(progress)
    with _new_project(setup) as (place, classes):
        truths = read_truths(setup.folder, setup.truth, classes=classes, foreground=setup.foreground)
        split = divide(truths, setup.test_share, setup.seed, setup.test)
        learner = Learner(setup, place, engine, overall, split)
        points = tuple(_work(setup, Annotator(setup, place, split.pool_truths), learner, overall))
    highest = math.nan
    if ceiling:
        with _new_project(setup) as (place, _):
            _label_fully(setup, place, split.pool_truths)
            highest = _train_often(Learner(setup, place, engine, overall, split), learner.trainings, overall)
    return Run(setup.seed, split.pool, split.test, points, highest)


@contextmanager
def _new_project(setup: Setup) -> Iterator[tuple[Path, tuple[LabelClass, ...]]]:
    """The place of a project that is deleted at the end, and its classes."""
    with tempfile.TemporaryDirectory(prefix="unet-studio-simulation-") as name:
        place = Path(name)
        with Project.open(setup.folder, place=place) as project:
            project.set_classes(make_classes(*setup.classes))
            if setup.start:
                use_model(project, setup.start)
            classes = project.classes()
        yield place, classes


@dataclass(frozen=True, slots=True)
class _Training:
    """A training and its result, and how far the annotator was when it began; `ready` minutes after the work began
    its model is there.
    """

    retrained: Retrained
    minutes: float
    ready: float
    planes: int
    strokes: int


def _work(setup: Setup, annotator: Annotator, learner: Learner, progress: OverallProgress) -> Iterator[Point]:
    """Work until the time is up or every plane of the pool was looked at; yields the points of the curve."""
    if learner.active:
        learner.use(learner.judge(learner.active))
        yield Point(0.0, 0.0, 0, 0, learner.judged.f1, learner.judged.false_objects)
    yield from (_work_and_wait if setup.clicks else _work_on)(setup, annotator, learner, progress)


def _work_on(setup: Setup, annotator: Annotator, learner: Learner, progress: OverallProgress) -> Iterator[Point]:
    """There is always one training, of what was labelled when the last one's model came, beside the work."""
    end = 60 * setup.minutes
    training: _Training | None = None
    for _ in _planes_until(end, setup, annotator, progress):
        if training is not None and annotator.seconds >= 60 * training.ready:
            yield _adopt(training, annotator, learner)
            training = None
        if training is None and annotator.seconds < end:
            training = _train(setup, annotator, learner)
    if training is not None:
        yield _adopt(training, annotator, learner)
    if training is None or training.minutes < annotator.seconds / 60:
        yield _adopt(_train(setup, annotator, learner), annotator, learner)


def _work_and_wait(setup: Setup, annotator: Annotator, learner: Learner, progress: OverallProgress) -> Iterator[Point]:
    """Train after equal shares of the time, where anything was labelled since the last training."""
    learned = 0
    for click in range(1, setup.clicks + 1):
        for _ in _planes_until(60 * setup.minutes * click / setup.clicks, setup, annotator, progress):
            pass
        if annotator.edits > learned or not learner.trainings:
            learned = annotator.edits
            yield _adopt(_train(setup, annotator, learner), annotator, learner)


def _planes_until(end: float, setup: Setup, annotator: Annotator, progress: OverallProgress) -> Iterator[PlaneId]:
    """Work on one plane after the other until so many seconds have passed; yields each that was worked on."""
    while annotator.seconds + annotator.shortest <= end and (plane := annotator.next_plane()) is not None:
        progress.at(annotator.seconds / (60 * setup.minutes), f"minute {annotator.seconds / 60:.1f}, {plane.slide}")
        annotator.work_on(plane, end - annotator.seconds)
        yield plane


def _train(setup: Setup, annotator: Annotator, learner: Learner) -> _Training:
    """Train on what is labelled now; in the annotator's time it takes as long as it may."""
    retrained = learner.train()
    minutes = annotator.seconds / 60
    ready = minutes + (setup.train_seconds / 60 or _UNLIMITED_MINUTES)
    return _Training(retrained, minutes, ready, len(annotator.seen), annotator.strokes)


def _adopt(training: _Training, annotator: Annotator, learner: Learner) -> Point:
    """Adopt the new model if the gate lets it, and propose with it."""
    judged = learner.judge(training.retrained.model, annotator.corrected)
    is_adopted = learner.adopt(training.retrained)
    if is_adopted:
        learner.use(judged)
    in_use = learner.judged
    return Point(
        training.minutes, training.ready, training.planes, training.strokes, in_use.f1, in_use.false_objects,
        judged, is_adopted,
    )  # fmt: skip


def _label_fully(setup: Setup, place: Path, truths: Truths) -> None:
    """Label every pixel of these planes with its true class."""
    with Project.open(setup.folder, place=place) as project:
        for plane, truth in truths.items():
            box = Box.of_shape(truth.shape)
            edit = make_edit(
                plane, box, np.full_like(truth, UNLABELLED), truth, f"true mask of {plane.slide}",
                state_before=PlaneState.NEW, state_after=PlaneState.REVIEWED,
            )  # fmt: skip
            assert edit is not None  # the state changes at least
            project.record(project.next_edit_id(), edit, box.shape)


def _train_often(learner: Learner, trainings: int, progress: OverallProgress) -> float:
    """Train so many times on the same labels; F1 of the model then in use, 0 where nothing was learned."""
    for training in range(trainings):
        progress.at(training / trainings, "all slides fully labelled")
        learner.adopt(learner.train())
    return learner.judge(learner.active).f1 if learner.active else 0.0
