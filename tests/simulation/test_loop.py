"""The simulation works on some slides, judges on the others, keeps to a person's pace and leaves no trace."""

import math
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from tests.core.scoring.judging import better_than
from unet_studio.core.classes import UNLABELLED
from unet_studio.core.labels.plane import PlaneId, PlaneState
from unet_studio.core.masks.proposal_writing import write_proposal
from unet_studio.core.masks.proposals import proposal_file, slide_stamp
from unet_studio.core.models.cards import ModelCard
from unet_studio.core.models.normalisation import Normalisation
from unet_studio.core.project.hold_out import keep_slides_out
from unet_studio.core.project.store import Project
from unet_studio.core.scoring.next_plane import Order, describe_plane, next_plane
from unet_studio.core.slides.opening import open_slide
from unet_studio.core.tiles import Box
from unet_studio.errors import Cancelled, MaskError, StudioError
from unet_studio.protocol.values import Event, Progress, Proposed, ProposeJob, Retrained, RetrainJob, Round
from unet_studio.simulation.loop import simulate
from unet_studio.simulation.runs import Setup, Way
from unet_studio.usecases.reviewing.next_plane import next_plane_in_order

Mask = NDArray[np.uint8]
SLIDES = 7


class Engine:
    """Stands in for the network: the n-th model proposes the truth but for a band that gets thinner with n."""

    def __init__(self, truths: dict[str, Mask], *, preferred: bool = True) -> None:
        self.truths = truths
        self.preferred = preferred
        self.jobs: list[RetrainJob] = []
        self.labels: list[dict[PlaneId, Mask]] = []
        self.states: list[dict[PlaneId, PlaneState]] = []
        self.hold_outs: list[frozenset[str]] = []
        self.proposed: list[tuple[str, str]] = []

    def propose(self, job: ProposeJob, progress: Progress) -> Proposed:
        number = int(job.model.rsplit("-", 1)[1]) if job.model.startswith("retrained") else 0
        for slide, _ in job.planes:
            self.proposed.append((job.model, slide))
            mask = self.truths[slide].copy()
            mask[: 32 // (number + 1)] = 0
            file = proposal_file(Path(job.place), job.model, PlaneId(slide))
            write_proposal(
                file, mask.shape, 1, [(0, 255 * mask[..., None])], stamp=slide_stamp(Path(job.folder) / slide)
            )
        return Proposed(job.model, len(job.planes))

    def retrain(self, job: RetrainJob, progress: Progress) -> Retrained:
        self.jobs.append(job)
        with Project.open(Path(job.folder), place=Path(job.place)) as project:
            keep_slides_out(project)
            classes = project.classes()
            planes = project.labelled_planes()
            self.labels.append({p.plane: project.labels(p.plane, p.shape).read(Box.of_shape(p.shape)) for p in planes})
            self.states.append(project.states())
            self.hold_outs.append(project.hold_out())
        model = f"retrained-{len(self.jobs):03d}"
        folder = Path(job.place) / "models" / model
        folder.mkdir(parents=True)
        ModelCard(model, "Retrained", classes, Normalisation(1), {}, folder, parent=job.model).write()
        before = Round(0, 1, math.nan, 0.8, 0.0, kept=True)
        after = Round(1, 1, 0.1, 0.9, 1.0, kept=True)
        comparison = better_than(job.model, classes=len(classes), better=self.preferred) if job.model else None
        names = tuple(label.name for label in classes)
        return Retrained(model, job.model, names, len(self.hold_outs[-1]), (before, after), comparison)


class RecordingProgress:
    """A progress reporter that cancels after some reports."""

    def __init__(self, stop_after: float = math.inf) -> None:
        self.done: list[float] = []
        self._stop_after = stop_after

    def report(self, done: float, text: str) -> None:
        self.done.append(done)

    def event(self, event: Event) -> None:
        raise AssertionError(event)

    def cancelled(self) -> bool:
        return len(self.done) >= self._stop_after


@pytest.fixture
def truths(spots: Callable[[int], tuple[Mask, Mask]]) -> dict[str, Mask]:
    return {f"{seed}.png": spots(seed)[1] for seed in range(SLIDES)}


@pytest.fixture
def setup(tmp_path: Path, spots: Callable[[int], tuple[Mask, Mask]], truths: dict[str, Mask]) -> Setup:
    for sub in ("slides", "truth"):
        (tmp_path / sub).mkdir()
    for seed, (slide, truth) in enumerate(truths.items()):
        cv2.imwrite(str(tmp_path / "slides" / slide), spots(seed)[0])
        cv2.imwrite(str(tmp_path / "truth" / slide), truth * 255)
    return Setup(tmp_path / "slides", tmp_path / "truth", minutes=2.0, train_seconds=20, test_share=0.3)


def test_each_model_learned_more_than_the_last_and_is_judged_on_unseen_slides(
    setup: Setup, truths: dict[str, Mask]
) -> None:
    engine = Engine(truths)
    run = simulate(setup, engine, RecordingProgress())
    assert not set(run.pool) & set(run.test)
    assert {*run.pool, *run.test} == set(truths)
    assert len(run.points) == len(engine.jobs) >= 3
    assert [p.f1 for p in run.points] == sorted(p.f1 for p in run.points)
    assert run.points[0].f1 < run.points[-1].f1
    for before, after in zip(run.points, run.points[1:], strict=False):
        assert before.minutes < after.minutes <= setup.minutes
        assert before.strokes <= after.strokes
    for point in run.points:
        assert point.ready == pytest.approx(point.minutes + 20 / 60)
    labelled = {plane.slide for labels in engine.labels for plane in labels}
    assert labelled <= set(run.pool)
    assert math.isnan(run.ceiling)


def test_labels_are_true_and_only_some_pixels_are_painted_at_first(setup: Setup, truths: dict[str, Mask]) -> None:
    engine = Engine(truths)
    simulate(setup, engine, RecordingProgress())
    ((plane, labels),) = engine.labels[0].items()
    truth = truths[plane.slide]
    assert (labels == truth)[labels != UNLABELLED].all()
    assert {0, 1} <= set(np.unique(labels).tolist())
    assert engine.states[0] == {plane: PlaneState.CORRECTED}


def test_the_first_plane_is_the_apps_choice(setup: Setup, truths: dict[str, Mask]) -> None:
    engine = Engine(truths)
    run = simulate(setup, engine, RecordingProgress())
    looks = []
    for slide in run.pool:
        with open_slide(setup.folder / slide) as reader:
            looks.append(describe_plane(reader, PlaneId(slide)))
    assert set(engine.labels[0]) == {next_plane(looks, set())}


@pytest.mark.parametrize("order", [Order.FOLDER, Order.RANDOM])
def test_the_person_takes_slides_up_in_the_order_asked_for(setup: Setup, truths: dict[str, Mask], order: Order) -> None:
    engine = Engine(truths)
    run = simulate(replace(setup, order=order, seed=2, minutes=0.5), engine, RecordingProgress())
    worked_on = [slide for slide in run.pool if PlaneId(slide) in engine.labels[-1]]
    with Project.open(setup.folder, place=setup.folder.parent / "other") as project:
        done: set[PlaneId] = set()
        for _ in worked_on:
            plane = next_plane_in_order(project, sorted(run.pool), order=order, done=done, seed=2)
            assert plane is not None
            done.add(plane)
    assert set(engine.labels[-1]) == done
    assert 1 < len(done) < len(run.pool)


def test_it_trains_as_the_window_does(setup: Setup, truths: dict[str, Mask]) -> None:
    engine = Engine(truths)
    simulate(replace(setup, seed=3, changes=("schedule.rounds=2",)), engine, RecordingProgress())
    assert engine.jobs[0].model == ""
    assert [job.model for job in engine.jobs[1:]] == [f"retrained-{n + 1:03d}" for n in range(len(engine.jobs) - 1)]
    assert {job.recipe for job in engine.jobs} == {""}, "as after a click: by what it starts from"
    assert engine.jobs[0].changes == ["seed=3", "schedule.rounds=2", "schedule.seconds=20.0"]
    labelled = [{plane.slide for plane in labels} for labels in engine.labels]
    assert not engine.hold_outs[0] & labelled[0], "the one labelled slide is learned from"
    assert engine.hold_outs[-1] & labelled[-1], "later one is there to judge on"
    assert labelled[-1] - engine.hold_outs[-1]


def test_without_a_limit_in_time_the_recipe_decides(setup: Setup, truths: dict[str, Mask]) -> None:
    engine = Engine(truths)
    run = simulate(replace(setup, train_seconds=0), engine, RecordingProgress())
    assert not any("seconds" in change for change in engine.jobs[0].changes)
    assert run.points[0].ready == pytest.approx(run.points[0].minutes + 1)


def test_half_a_minute_is_kept_to(setup: Setup, truths: dict[str, Mask]) -> None:
    engine = Engine(truths)
    run = simulate(replace(setup, minutes=0.2), engine, RecordingProgress())
    (point,) = run.points
    assert point.planes == 1
    assert 0 < point.strokes <= 9  # 12 s, 3 of them to look
    assert point.minutes <= 0.2


def test_no_time_to_label_anything_is_a_sentence(setup: Setup, truths: dict[str, Mask]) -> None:
    with pytest.raises(StudioError, match="more minutes"):
        simulate(replace(setup, minutes=0.01), Engine(truths), RecordingProgress())


def test_a_model_that_is_no_better_is_not_used(setup: Setup, truths: dict[str, Mask]) -> None:
    engine = Engine(truths, preferred=False)
    run = simulate(setup, engine, RecordingProgress())
    assert len({point.f1 for point in run.points}) == 1
    assert {job.model for job in engine.jobs[1:]} == {"retrained-001"}
    labelled = {plane.slide for labels in engine.labels for plane in labels}
    of_others = {slide for model, slide in engine.proposed if model != "retrained-001"}
    assert of_others <= labelled | set(run.test), "to judge it, but not for the person to see"
    assert [point.is_adopted for point in run.points] == [True] + [False] * (len(run.points) - 1)
    new = [point.model for point in run.points if point.model is not None]
    assert new[-1].f1 > run.points[-1].f1, "it is judged although it isn't used"


def test_right_proposals_are_reviewed_with_few_strokes(setup: Setup, truths: dict[str, Mask]) -> None:
    engine = Engine(truths)
    run = simulate(replace(setup, start="nuclei-fluorescence"), engine, RecordingProgress())
    first = run.points[0]
    assert (first.minutes, first.strokes) == (0.0, 0)
    assert 0 < first.f1 < run.points[-1].f1
    assert engine.jobs[0].model == "nuclei-fluorescence"
    assert PlaneState.REVIEWED in engine.states[-1].values()


def test_dense_labelling_sees_no_proposal_and_paints_all(setup: Setup, truths: dict[str, Mask]) -> None:
    engine = Engine(truths)
    run = simulate(replace(setup, way=Way.DENSE), engine, RecordingProgress())
    assert {slide for _, slide in engine.proposed} == set(run.test)
    assert PlaneState.REVIEWED in engine.states[-1].values()
    for plane, state in engine.states[-1].items():
        if state is PlaneState.REVIEWED:
            assert (engine.labels[-1][plane] == truths[plane.slide]).mean() > 0.95


def test_after_each_click_the_person_waits_for_the_model(setup: Setup, truths: dict[str, Mask]) -> None:
    engine = Engine(truths)
    run = simulate(replace(setup, clicks=3, minutes=0.6), engine, RecordingProgress())
    assert [job.model for job in engine.jobs] == ["", "retrained-001", "retrained-002"]
    assert len(run.points) == 3
    for click, point in enumerate(run.points, start=1):
        assert point.minutes <= 0.2 * click
    painted = [sum(int((mask != UNLABELLED).sum()) for mask in labels.values()) for labels in engine.labels]
    assert painted == sorted(painted) and painted[0] < painted[-1]


def test_a_click_without_new_labels_trains_nothing(setup: Setup, truths: dict[str, Mask]) -> None:
    engine = Engine(truths)
    simulate(replace(setup, clicks=9, minutes=30.0), engine, RecordingProgress())
    assert len(engine.jobs) < 9, "all planes were looked at long before"


def test_the_ceiling_is_trained_as_often_on_all_that_is_true(setup: Setup, truths: dict[str, Mask]) -> None:
    engine = Engine(truths)
    run = simulate(setup, engine, RecordingProgress(), ceiling=True)
    half = len(engine.jobs) // 2
    assert len(engine.jobs) == 2 * half == 2 * len(run.points)
    for labels in engine.labels[half:]:
        assert {plane.slide for plane in labels} == set(run.pool)
        assert all(np.array_equal(mask, truths[plane.slide]) for plane, mask in labels.items())
    assert run.ceiling > run.points[0].f1


def test_where_nothing_can_be_learned_the_ceiling_is_nothing(setup: Setup, truths: dict[str, Mask]) -> None:
    class Useless(Engine):
        def retrain(self, job: RetrainJob, progress: Progress) -> Retrained:
            retrained = super().retrain(job, progress)
            return replace(retrained, history=retrained.history[:1])

    engine = Useless(truths)
    run = simulate(setup, engine, RecordingProgress(), ceiling=True)
    assert {slide for _, slide in engine.proposed} <= set(run.test), "nothing is proposed to the person"
    assert (run.points[-1].f1, run.ceiling) == (0.0, 0.0)
    assert math.isnan(run.share(0.0))


def test_nothing_in_the_folder_changes_and_no_project_stays(setup: Setup, truths: dict[str, Mask]) -> None:
    def content() -> dict[Path, int]:
        return {file: file.stat().st_mtime_ns for file in setup.folder.parent.rglob("*")}

    before, engine = content(), Engine(truths)
    simulate(setup, engine, RecordingProgress(), ceiling=True)
    assert content() == before
    assert not any(Path(job.place).exists() for job in engine.jobs)


def test_progress_goes_up_and_it_can_be_stopped(setup: Setup, truths: dict[str, Mask]) -> None:
    progress, engine = RecordingProgress(), Engine(truths)
    simulate(setup, engine, progress)
    assert progress.done == sorted(progress.done)
    assert 0 <= progress.done[0] <= progress.done[-1] <= 1
    with pytest.raises(Cancelled, match="stopped"):
        simulate(setup, engine, RecordingProgress(stop_after=2))
    assert not any(Path(job.place).exists() for job in engine.jobs)


def test_masks_that_dont_fit_are_named(setup: Setup, truths: dict[str, Mask]) -> None:
    cv2.imwrite(str(setup.truth / "3.png"), np.zeros((32, 64), np.uint8))
    with pytest.raises(MaskError, match=r"3\.png"):
        simulate(setup, Engine(truths), RecordingProgress())
    for slide in list(truths)[1:]:
        (setup.truth / slide).unlink()
    with pytest.raises(MaskError, match="two or more slides"):
        simulate(setup, Engine(truths), RecordingProgress())
