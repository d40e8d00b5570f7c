"""The simulated annotator at work on a folder: how good the proposals get for how many minutes of a person's time."""

import math
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import reduce
from operator import add
from pathlib import Path
from statistics import median
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from unet_studio.core.classes import UNLABELLED, make_classes
from unet_studio.core.editing.strokes import make_edit
from unet_studio.core.exchange.importing import find_mask
from unet_studio.core.exchange.mask_files import read_mask, to_classes
from unet_studio.core.figures.charts import Series, line_chart
from unet_studio.core.files import write_atomically
from unet_studio.core.labels.plane import LabelPlane, PlaneId, PlaneState
from unet_studio.core.masks.mask_view import MaskView
from unet_studio.core.masks.of_project import view_plane
from unet_studio.core.masks.proposals import find_proposal
from unet_studio.core.project.active_model import use_model
from unet_studio.core.project.hold_out import extend_hold_out
from unet_studio.core.project.store import Project
from unet_studio.core.scoring.next_plane import PlaneLook, look_at, mean_doubt, next_plane
from unet_studio.core.scoring.scores import count
from unet_studio.core.slides.finding import find_slides
from unet_studio.core.slides.opening import open_slide
from unet_studio.core.tiles import Box
from unet_studio.core.workspace.workspace import Workspace
from unet_studio.demo.loop import Engine
from unet_studio.errors import Cancelled, MaskError, ProjectError, StudioError
from unet_studio.simulation.annotator import Pace, correcting, paint, starting
from unet_studio.worker.protocol import Listener, ProposeJob, RetrainJob

_SMALLEST = 15
_THINNEST = 3
"""A person leaves wrong regions of fewer pixels, and those that are nowhere so many pixels thick."""
_PAUSE = 1.0
"""Where trainings have no limit in time, the person's work goes on as if they took this many minutes."""

Truths = dict[PlaneId, NDArray[np.uint8]]
"""True classes (h, w) by plane, 255 where unknown."""


@dataclass(frozen=True, slots=True)
class Setup:
    """One simulation. `start` is a starter model's name or a model's folder; empty: training begins from scratch.

    `classes` are those without background, and of no matter where `start` brings its own. `foreground` is as for
    `to_classes`. With `dense` the person sees no proposals and paints everything. `train_seconds` limits each training
    (0: it goes on as long as the recipe says). Without a `recipe` they are by the one that a click in the window takes.
    """

    folder: Path
    truth: Path
    foreground: str | None = None
    classes: tuple[str, ...] = ("foreground",)
    start: str = ""
    dense: bool = False
    minutes: float = 5.0
    train_seconds: float = 60.0
    test_share: float = 0.3
    seed: int = 0
    recipe: str = ""
    changes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Point:
    """What a person's first `minutes` of work came to: the F1 on the test slides of the model then in use.

    The model learned from these minutes, and was there to propose `ready` minutes after the work began. F1 is the Dice
    pooled over the pixels of all test slides, its mean over the classes but background.
    """

    minutes: float
    ready: float
    planes: int
    strokes: int
    f1: float


@dataclass(frozen=True, slots=True)
class Run:
    """One simulation: the slides worked on, those judged on, and what came of it in order of time.

    `ceiling` is the F1 after training on all slides of the pool fully labelled; NaN where it wasn't asked for.
    """

    seed: int
    pool: tuple[str, ...]
    test: tuple[str, ...]
    points: tuple[Point, ...]
    ceiling: float

    def f1_after(self, minutes: float) -> float:
        """F1 of the newest model that learned from at most so many minutes of work; NaN before there is one."""
        known = [point.f1 for point in self.points if point.minutes <= minutes]
        return known[-1] if known else math.nan

    def share(self, f1: float) -> float:
        """An F1 as a share of the ceiling; NaN without one."""
        return f1 / self.ceiling if self.ceiling else math.nan


@dataclass(frozen=True, slots=True)
class Medians:
    """Over runs, after so many minutes of work: F1, and its share of the ceiling (NaN where there is none)."""

    minutes: float
    f1: float
    share: float


def simulate(setup: Setup, engine: Engine, listener: Listener, *, ceiling: bool = False) -> Run:
    """Simulate a person on part of a folder's slides and judge the models on the others.

    The project is made in a temporary folder and removed; nothing in the slides' folder changes. With `ceiling` a model
    is also trained on all slides of the pool, fully labelled, from the same start and as often as in the simulation.
    Raises `MaskError` where fewer than two slides have a true mask, and `Cancelled` where the listener wants it.
    """
    with _new_project(setup) as place:
        work = _Work(setup, place, engine, listener)
        points = tuple(work.run())
    highest = math.nan
    if ceiling:
        with _new_project(setup) as place:
            highest = _Work(setup, place, engine, listener).run_fully_labelled(work.trainings)
    return Run(setup.seed, work.pool, work.test, points, highest)


def take_medians(runs: Sequence[Run]) -> tuple[Medians, ...]:
    """The medians of runs that differ by their seed, at every time at which all have a model and one has a new one."""
    times = sorted({point.minutes for run in runs for point in run.points})
    first = max(min(point.minutes for point in run.points) for run in runs)
    curve = []
    for minutes in times:
        if minutes >= first:
            reached = [run.f1_after(minutes) for run in runs]
            shares = [run.share(f1) for f1, run in zip(reached, runs, strict=True)]
            curve.append(Medians(minutes, median(reached), median(shares)))
    return tuple(curve)


def draw(file: Path, runs: Sequence[Run], medians: Sequence[Medians]) -> None:
    """Write a PNG of F1 against minutes of work: a curve for each run, and the medians where there are several."""
    series = [Series(f"seed {run.seed}", tuple((p.minutes, p.f1) for p in run.points)) for run in runs]
    if len(runs) > 1:
        series.append(Series("median", tuple((m.minutes, m.f1) for m in medians)))
    picture = line_chart(series, title="Simulated annotator", x_title="minutes of work", y_title="F1 on unseen slides")
    write_atomically(file, cv2.imencode(".png", picture[..., ::-1])[1].tobytes())


def read_truths(folder: Path, truth: Path, *, classes: int, foreground: str | None) -> Truths:
    """The true classes of every plane whose slide has a true mask, found and read as for an import.

    Raises `MaskError` where a mask doesn't fit its slide, or fewer than two slides have one.
    """
    truths: Truths = {}
    for slide in find_slides(folder):
        file = find_mask(truth, slide)
        if file is None:
            continue
        values = read_mask(file)
        planes = to_classes(values if values.ndim == 3 else values[None], classes=classes, foreground=foreground)
        with open_slide(folder / slide) as reader:
            wanted = (reader.info.planes, reader.info.height, reader.info.width)
        if planes.shape != wanted:
            raise MaskError(
                f"The true mask of '{slide}' has {planes.shape} planes, rows and columns, but the slide has {wanted}. "
                "Check that their names belong together."
            )
        truths |= {PlaneId(slide, number): plane for number, plane in enumerate(planes)}
    if len({plane.slide for plane in truths}) < 2:
        raise MaskError(
            f"A simulation needs two or more slides with a true mask in '{truth}': one to work on and one to judge "
            "on. A mask is found by its slide's path and stem, for example sub/a.png for sub/a.tif."
        )
    return truths


def split_slides(slides: Iterable[str], share: float, seed: int) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Slides to work on and slides to judge on, in order: `share` of them, chosen by chance, and at least one each."""
    known = sorted(set(slides))
    wanted = min(max(1, round(share * len(known))), len(known) - 1)
    test = {known[i] for i in np.random.default_rng(seed).permutation(len(known))[:wanted]}
    return tuple(s for s in known if s not in test), tuple(s for s in known if s in test)


@contextmanager
def _new_project(setup: Setup) -> Iterator[Path]:
    """The place of a project that lasts as long as this does."""
    with tempfile.TemporaryDirectory(prefix="unet-studio-simulation-") as name:
        place = Path(name)
        with Project.open(setup.folder, place=place) as project:
            project.set_classes(make_classes(*setup.classes))
            if setup.start:
                use_model(project, setup.start)
        yield place


@dataclass(frozen=True, slots=True)
class _Trained:
    """A new model, whether to use it rather than the one in use, and what it learned from."""

    model: str
    preferred: bool
    minutes: float
    ready: float
    planes: int
    strokes: int


class _Work:
    """A person with a brush, a project, and the models that learn from it."""

    def __init__(self, setup: Setup, place: Path, engine: Engine, listener: Listener) -> None:
        self._setup = setup
        self._place = place
        self._engine = engine
        self._listener = _Hushed(listener)
        with self._project() as project:
            self._classes = len(project.classes())
            self._active = project.active_model
        self._truths = read_truths(setup.folder, setup.truth, classes=self._classes, foreground=setup.foreground)
        self.pool, self.test = split_slides((p.slide for p in self._truths), setup.test_share, setup.seed)
        self.trainings = 0
        self._pace = Pace()
        self._seconds = 0.0  # of work so far
        self._strokes = 0
        self._seen: set[PlaneId] = set()
        self._f1 = 0.0  # of the active model; without one nothing is proposed

    def run(self) -> Iterator[Point]:
        """Work until the time is up or every plane of the pool was looked at; yields the points of the curve."""
        end = 60 * self._setup.minutes
        looks = self._look_at_pool()
        if self._active:
            self._f1 = self._judge(self._active)
            self._propose_pool()
            yield Point(0.0, 0.0, 0, 0, self._f1)
        training: _Trained | None = None
        shortest = self._pace.slide + self._pace.stroke
        while self._seconds + shortest <= end and (plane := self._next_plane(looks)) is not None:
            self._listener.at(self._seconds / end, f"minute {self._seconds / 60:.1f}, {plane.slide}")
            self._work_on(plane, end - self._seconds)
            if training is not None and self._seconds >= 60 * training.ready:
                yield self._adopt(training)
                training = None
            if training is None and self._seconds < end:
                training = self._train()
        if training is not None:
            yield self._adopt(training)
        if training is None or training.minutes < self._seconds / 60:
            yield self._adopt(self._train())

    def run_fully_labelled(self, trainings: int) -> float:
        """Label every pixel of the pool as it truly is and train so many times; F1 of the model then in use."""
        with self._project() as project:
            for plane in self._planes(self.pool):
                truth = self._truths[plane]
                box = Box.of_shape(truth.shape)
                edit = make_edit(
                    plane, box, np.full_like(truth, UNLABELLED), truth, f"true mask of {plane.slide}",
                    state_before=PlaneState.NEW, state_after=PlaneState.REVIEWED,
                )  # fmt: skip
                assert edit is not None  # the state changes at least
                project.record(project.next_edit_id(), edit, box.shape)
        for training in range(trainings):
            self._listener.at(training / trainings, "all slides fully labelled")
            self._use(self._train())
        return self._judge(self._active) if self._active else 0.0  # where nothing was learned

    def _look_at_pool(self) -> list[PlaneLook]:
        looks = []
        for plane in self._planes(self.pool):
            with open_slide(self._setup.folder / plane.slide) as reader:
                looks.append(look_at(reader, plane))
        return looks

    def _next_plane(self, looks: Sequence[PlaneLook]) -> PlaneId | None:
        """The plane that the app shows next."""
        with self._project() as project:
            return next_plane([replace(look, doubt=self._doubt(project, look)) for look in looks], self._seen)

    def _doubt(self, project: Project, look: PlaneLook) -> float:
        box = Box.of_shape(self._truths[look.plane].shape)
        proposal = view_plane(project, look.plane, box.shape).proposal
        return look.doubt if proposal is None else mean_doubt(proposal.read(box))

    def _work_on(self, plane: PlaneId, left: float) -> None:
        """Paint on a plane for as long as a person would, with `left` seconds of work left at most.

        Where nothing is left to correct the person marks the plane as reviewed.
        """
        truth = self._truths[plane]
        box = Box.of_shape(truth.shape)
        self._seen.add(plane)
        workspace = Workspace.open(self._setup.folder, place=self._place)
        try:
            labels = workspace.labels(plane, box.shape)
            view = workspace.mask(plane, labels)
            proposed = self._setup.dense or view.proposal is not None
            planner = (
                correcting(view.cleaned(box), truth, smallest=_SMALLEST, thinnest=_THINNEST)
                if proposed
                else starting(truth)
            )
            seconds = (left if self._setup.dense else min(left, self._pace.most)) - self._pace.slide
            self._seconds += self._pace.slide
            for timed in paint(labels, plane, planner, state=workspace.state(plane), pace=self._pace, seconds=seconds):
                workspace.commit(timed.edit, box.shape)
                self._seconds += timed.seconds
                self._strokes += 1
            if proposed and planner(labels.read(box)) is None:
                workspace.review(plane, labels)
        finally:
            written = workspace.close()
        if not written:
            raise ProjectError(f"The strokes could not be written to '{self._place}'. Is the disk full?")

    def _train(self) -> _Trained:
        """Train on what is labelled now, as the window does; in a person's time it takes as long as it may."""
        changes = [f"seed={self._setup.seed}", *self._setup.changes]
        if self._setup.train_seconds:
            changes.append(f"schedule.seconds={float(self._setup.train_seconds)}")
        with self._project() as project:
            labelled = project.labelled_planes()
            if not labelled:
                raise StudioError("The person had no time to label anything. Simulate more minutes.")
            project.add_hold_out(extend_hold_out(labelled, project.hold_out()))
        job = RetrainJob(str(self._setup.folder), str(self._place), self._active, self._setup.recipe, changes)
        result = self._engine.retrain(job, self._listener)
        self.trainings += 1
        minutes = self._seconds / 60
        ready = minutes + (self._setup.train_seconds / 60 or _PAUSE)
        return _Trained(result["model"], result["preferred"], minutes, ready, len(self._seen), self._strokes)

    def _adopt(self, training: _Trained) -> Point:
        """Use the new model if it is to be preferred to the active one, and propose with it."""
        if self._use(training):
            self._f1 = self._judge(training.model)
            self._propose_pool()
        return Point(training.minutes, training.ready, training.planes, training.strokes, self._f1)

    def _use(self, training: _Trained) -> bool:
        """Make the new model the active one where that is better; says whether it was."""
        if training.preferred:
            self._active = training.model
            with self._project() as project:
                project.set_setting("active_model", training.model)
        return training.preferred

    def _judge(self, model: str) -> float:
        """F1 of a model's proposals, at an even threshold and without clean-up, on the test slides."""
        self._propose(model, self.test)
        counts = []
        for plane in self._planes(self.test):
            truth = self._truths[plane]
            box = Box.of_shape(truth.shape)
            view = MaskView(LabelPlane(box.shape), find_proposal(self._place, model, plane))
            counts.append(count(truth, view.cleaned(box), self._classes))
        return reduce(add, counts).mean_dice

    def _propose_pool(self) -> None:
        if not self._setup.dense:
            self._propose(self._active, self.pool)

    def _propose(self, model: str, slides: Iterable[str]) -> None:
        planes = [[slide, -1] for slide in slides]
        self._engine.propose(ProposeJob(str(self._setup.folder), str(self._place), model, planes), self._listener)
        self._listener.check()

    def _planes(self, slides: Iterable[str]) -> list[PlaneId]:
        return [plane for plane in self._truths if plane.slide in set(slides)]

    def _project(self) -> Project:
        return Project.open(self._setup.folder, place=self._place)


class _Hushed:
    """Passes on how far the whole simulation is, what failed, and the wish to stop, but not the news of each job."""

    def __init__(self, listener: Listener) -> None:
        self._listener = listener
        self.cancelled = listener.cancelled

    def at(self, done: float, text: str) -> None:
        """Say how far it is, the share 0…1; raises `Cancelled` where that is wanted."""
        self._listener.progress(min(done, 1.0), text)
        self.check()

    def check(self) -> None:
        if self.cancelled():
            raise Cancelled("The simulation was stopped. Its project was temporary, so nothing of it is left.")

    def progress(self, done: float, text: str) -> None:
        pass

    def event(self, name: str, **params: Any) -> None:
        if name == "failed":
            self._listener.event(name, **params)
