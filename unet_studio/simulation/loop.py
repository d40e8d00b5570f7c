"""Runs one simulation: the F1 of the proposals against the minutes of an annotator's work."""

import math
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from unet_studio.core.classes import UNLABELLED, make_classes
from unet_studio.core.editing.strokes import make_edit
from unet_studio.core.labels.plane import PlaneState
from unet_studio.core.project.active_model import use_model
from unet_studio.core.project.store import Project
from unet_studio.core.tiles import Box
from unet_studio.protocol.values import Progress, Retrained
from unet_studio.simulation.annotator import Annotator
from unet_studio.simulation.learner import Learner
from unet_studio.simulation.progress import OverallProgress
from unet_studio.simulation.runs import Point, Run, Setup
from unet_studio.simulation.truth import Truths, divide, read_truths
from unet_studio.usecases.engine import Engine

_UNLIMITED_MINUTES = 1.0
"""A training without a limit in time counts as this many minutes of the annotator's work."""


def simulate(setup: Setup, engine: Engine, progress: Progress, *, ceiling: bool = False) -> Run:
    """Simulate a person on part of a folder's slides and judge the models on the others.

    The project is made in a temporary folder and removed; nothing in the slides' folder changes. With `ceiling` a model
    is also trained on all slides of the pool, fully labelled, from the same start and as often as in the simulation.
    Raises `MaskError` where fewer than two slides have a true mask, and `Cancelled` where the user asked to stop.
    """
    overall = OverallProgress(progress)
    with _new_project(setup) as (place, classes):
        truths = read_truths(setup.folder, setup.truth, classes=classes, foreground=setup.foreground)
        split = divide(truths, setup.test_share, setup.seed)
        learner = Learner(setup, place, engine, overall, split)
        points = tuple(_work(setup, Annotator(setup, place, split.pool_truths), learner, overall))
    highest = math.nan
    if ceiling:
        with _new_project(setup) as (place, _):
            _label_fully(setup, place, split.pool_truths)
            highest = _train_often(Learner(setup, place, engine, overall, split), learner.trainings, overall)
    return Run(setup.seed, split.pool, split.test, points, highest)


@contextmanager
def _new_project(setup: Setup) -> Iterator[tuple[Path, int]]:
    """The place of a project that is deleted at the end, and the number of its classes with background."""
    with tempfile.TemporaryDirectory(prefix="unet-studio-simulation-") as name:
        place = Path(name)
        with Project.open(setup.folder, place=place) as project:
            project.set_classes(make_classes(*setup.classes))
            if setup.start:
                use_model(project, setup.start)
            classes = len(project.classes())
        yield place, classes


@dataclass(frozen=True, slots=True)
class _Training:
    """A training that runs while the annotator works: its result, and the point of the curve without its F1."""

    retrained: Retrained
    point: Point


def _work(setup: Setup, annotator: Annotator, learner: Learner, progress: OverallProgress) -> Iterator[Point]:
    """Work until the time is up or every plane of the pool was looked at; yields the points of the curve.

    There is always one training, of what was labelled when the last one's model came.
    """
    end = 60 * setup.minutes
    if learner.active:
        learner.judge_and_propose()
        yield Point(0.0, 0.0, 0, 0, learner.f1)
    training: _Training | None = None
    while annotator.seconds + annotator.shortest <= end and (plane := annotator.next_plane()) is not None:
        progress.at(annotator.seconds / end, f"minute {annotator.seconds / 60:.1f}, {plane.slide}")
        annotator.work_on(plane, end - annotator.seconds)
        if training is not None and annotator.seconds >= 60 * training.point.ready:
            yield _adopt(training, learner)
            training = None
        if training is None and annotator.seconds < end:
            training = _train(setup, annotator, learner)
    if training is not None:
        yield _adopt(training, learner)
    if training is None or training.point.minutes < annotator.seconds / 60:
        yield _adopt(_train(setup, annotator, learner), learner)


def _train(setup: Setup, annotator: Annotator, learner: Learner) -> _Training:
    """Train on what is labelled now; in the annotator's time it takes as long as it may."""
    retrained = learner.train()
    minutes = annotator.seconds / 60
    ready = minutes + (setup.train_seconds / 60 or _UNLIMITED_MINUTES)
    return _Training(retrained, Point(minutes, ready, len(annotator.seen), annotator.strokes, math.nan))


def _adopt(training: _Training, learner: Learner) -> Point:
    """Adopt the new model if the gate lets it, and propose with it."""
    if learner.adopt(training.retrained):
        learner.judge_and_propose()
    return replace(training.point, f1=learner.f1)


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
    return learner.judge(learner.active) if learner.active else 0.0
