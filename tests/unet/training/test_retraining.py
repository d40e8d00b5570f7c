"""Retraining: what it learns from, what it never touches, and what it leaves behind."""

import errno
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import cv2
import keras
import numpy as np
import pytest
from numpy.typing import NDArray

from unet_studio.core import files
from unet_studio.core.classes import UNLABELLED, make_classes
from unet_studio.core.editing.strokes import make_edit
from unet_studio.core.labels.plane import PlaneId, PlaneState
from unet_studio.core.masks.proposal_writing import write_proposal
from unet_studio.core.masks.proposals import proposal_file, slide_stamp
from unet_studio.core.models.cards import ModelCard, project_models, read_card
from unet_studio.core.models.interrupted import CHECKPOINT
from unet_studio.core.models.normalisation import Normalisation
from unet_studio.core.models.notes import learned_slides
from unet_studio.core.project.active_model import use_model
from unet_studio.core.project.store import Project
from unet_studio.core.scoring.gate import judge_model
from unet_studio.core.scoring.judgement import Judgement, Verdict
from unet_studio.core.tiles import Box
from unet_studio.core.workspace.accepting import review
from unet_studio.core.workspace.workspace import Workspace
from unet_studio.errors import Cancelled, ModelError, RecipeError, StudioError
from unet_studio.protocol.values import Event, Preparing, Retrained, Round, SlideFailed, Stopping
from unet_studio.unet.recipes import Architecture, Recipe
from unet_studio.unet.training import patches, retraining
from unet_studio.unet.training.checkpoint import read_checkpoint
from unet_studio.unet.training.event_log import EventLog
from unet_studio.unet.training.preparing import open_unlabelled
from unet_studio.unet.training.retraining import resume, retrain
from unet_studio.unet.training.snapshot import read_snapshot
from unet_studio.unet.weights import load_network

Paint = Callable[[str, NDArray[np.uint8]], None]
Truths = dict[str, NDArray[np.uint8]]


@dataclass
class RecordingProgress:
    """Keeps what a retraining reports."""

    shares: list[float] = field(default_factory=list)
    events: list[Event] = field(default_factory=list)
    stop: bool = False

    def report(self, done: float, text: str) -> None:
        self.shares.append(done)

    def event(self, event: Event) -> None:
        self.events.append(event)

    def cancelled(self) -> bool:
        return self.stop and any(isinstance(event, Round) for event in self.events)

    @property
    def rounds(self) -> list[Round]:
        return [event for event in self.events if isinstance(event, Round)]

    @property
    def failures(self) -> list[tuple[str, str]]:
        return [(event.slide, event.reason) for event in self.events if isinstance(event, SlideFailed)]


@pytest.fixture(autouse=True)
def published(monkeypatch: pytest.MonkeyPatch) -> list[keras.Model]:
    """The networks that trainings kept, as they were handed over to be published."""
    networks: list[keras.Model] = []
    publish = retraining.publish

    def spy(card: ModelCard, network: keras.Model, history: Any, learned: Any) -> ModelCard:
        networks.append(network)
        return publish(card, network, history, learned)

    monkeypatch.setattr(retraining, "publish", spy)
    return networks


def card_of(project: Project, retrained: Retrained) -> ModelCard:
    return read_card(project.place / "models" / retrained.model)


@pytest.fixture
def drawn(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[tuple[str, NDArray[np.uint8]]]]:
    """Slide and labels of every patch that training draws."""
    seen: list[tuple[str, NDArray[np.uint8]]] = []
    draw = patches.draw_patch

    def spy(slide: patches.LabelledSlide, *arguments: Any) -> Any:
        patch = draw(slide, *arguments)
        seen.append((slide.plane.slide, patch[1]))
        return patch

    monkeypatch.setattr(patches, "draw_patch", spy)
    return seen


def judged(retrained: Retrained, rival: str = "bright") -> Judgement:
    return judge_model(retrained, classes=retrained.classes, rival=rival)


def stroke(truth: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Labels of a few rows of the truth, all else unlabelled."""
    labels = np.full_like(truth, UNLABELLED)
    labels[20:24] = truth[20:24]
    return labels


def test_a_retraining_from_a_model(
    project: Project,
    paint: Paint,
    truths: Truths,
    bright: ModelCard,
    recipe: Recipe,
    drawn: list[Any],
    published: list[keras.Model],
) -> None:
    paint("a.png", stroke(truths["a.png"]))
    paint("b.png", truths["b.png"])
    paint("sub/c.png", truths["sub/c.png"])
    project.add_hold_out(["b.png"])
    use_model(project, str(bright.folder))
    labels_before = read_snapshot(project).fingerprint()
    progress = RecordingProgress()
    other = replace(recipe, architecture=Architecture(depth=3, width=7), seed=4)

    retrained = retrain(project, bright, other, progress, channels=0)

    # The hold-out judges and never teaches; what nobody labelled teaches nothing.
    assert {slide for slide, _ in drawn} == {"a.png", "sub/c.png"}
    of_stroke = [labels for slide, labels in drawn if slide == "a.png"]
    assert all(0 < np.count_nonzero(labels != UNLABELLED) < labels.size / 2 for labels in of_stroke)
    assert retrained.held_out == 1

    # The new model is a whole folder, says where it comes from, and keeps the network of the one it started from.
    card = card_of(project, retrained)
    assert card.folder == project.place / "models" / "retrained-001"
    assert sorted(file.name for file in card.folder.iterdir()) == [
        "card.toml", "history.csv", "model.keras"
    ], "nobody knows what the model before learned from, so nothing is written down of it"  # fmt: skip
    assert (retrained.model, retrained.parent, retrained.classes) == ("retrained-001", "bright", ("background", "spot"))
    assert (card.id, card.title, card.parent) == ("retrained-001", "Retrained 1", "bright")
    assert card.classes == bright.classes
    assert card.normalisation == bright.normalisation
    assert card.recipe == replace(recipe, seed=4).as_dict()
    judgement = judged(retrained)
    assert card.scores == {
        "judged_on": "hold-out", "dice": judgement.dice_after, "dice_before": judgement.dice_before
    }  # fmt: skip
    assert card.data == f"2 slides, {4 * 64 + 64 * 64} labelled pixels, labels {labels_before}"
    for kept, best in zip(load_network(card).get_weights(), published[0].get_weights(), strict=True):
        np.testing.assert_array_equal(kept, best)
    assert (card.folder / "history.csv").read_text().count("\n") == 1 + len(retrained.history)

    # Who follows hears of every step and round, and sees a picture of the hold-out after each.
    assert progress.shares == pytest.approx([done / 6 for done in range(1, 7)])
    assert [replace(told, preview="") for told in progress.rounds[1:]] == list(retrained.history[1:])
    assert replace(progress.rounds[0], loss=0.0, preview="") == replace(retrained.history[0], loss=0.0)
    read = [event for event in progress.events if isinstance(event, Preparing)]
    assert read == [Preparing(slide, n, 3) for n, slide in enumerate(("a.png", "b.png", "sub/c.png"), start=1)]
    assert not any(isinstance(event, Stopping) for event in progress.events)
    assert not (project.place / "runs" / "retrained-001" / "checkpoint.npz").exists()
    for preview in (Path(told.preview) for told in progress.rounds):
        assert preview.parent == project.place / "runs" / "retrained-001"
        picture = cv2.imread(str(preview))
        assert picture is not None
        assert picture.shape == (64, 64, 3)
    assert progress.failures == []

    # Its probabilities are calibrated on the hold-out, where it is always right.
    assert card.temperature < 1

    # The brightness model was perfect on the one held-out slide already; one tile is too little to tell.
    assert judgement.dice_before > 0.99
    assert (judgement.verdict, judgement.slides, judgement.pixels) == (Verdict.NOT_JUDGED, 1, 64 * 64)
    assert retrained.kept.round == 2
    assert read_snapshot(project).fingerprint() == labels_before


@pytest.mark.skipif(sys.platform == "win32", reason="Windows flushes no folder")
def test_the_model_is_on_the_disk_before_the_checkpoint_goes(
    project: Project, paint: Paint, truths: Truths, bright: ModelCard, recipe: Recipe, monkeypatch: pytest.MonkeyPatch
) -> None:
    paint("a.png", truths["a.png"])
    calls: list[str] = []
    open_, fsync, rename, unlink = os.open, os.fsync, os.rename, os.unlink
    opened: dict[int, Path] = {}

    def record_open(path: Any, *arguments: Any, **options: Any) -> int:
        descriptor = open_(path, *arguments, **options)
        opened[descriptor] = Path(path)
        return descriptor

    def record_fsync(descriptor: int) -> None:
        if descriptor in opened:
            calls.append(f"flush {opened[descriptor].name}")
        fsync(descriptor)

    def record_rename(source: Any, target: Any, **options: Any) -> None:
        calls.append(f"rename to {Path(target).name}")
        rename(source, target, **options)

    def record_unlink(path: Any, **options: Any) -> None:
        calls.append(f"remove {Path(path).name}")
        unlink(path, **options)

    with monkeypatch.context() as patched:
        for name, record in (
            ("open", record_open), ("fsync", record_fsync), ("rename", record_rename), ("unlink", record_unlink)
        ):  # fmt: skip
            patched.setattr(os, name, record)
        retrain(project, bright, recipe, RecordingProgress(), channels=0)
    order = ["flush model.keras", "flush .retrained-001.part", "rename to retrained-001", "flush models"]
    order.append("remove checkpoint.npz")
    assert [call for call in calls if call in order] == order
    assert calls.index("flush card.toml") < calls.index("rename to retrained-001")


def test_slides_that_cannot_be_read_are_told_and_the_one_that_is_left_is_enough(
    project: Project, paint: Paint, truths: Truths, folder: Path, recipe: Recipe, drawn: list[Any]
) -> None:
    for slide in ("vanished.png", "cut.png", "resized.png"):
        cv2.imwrite(str(folder / slide), np.zeros((64, 64), np.uint8))
        paint(slide, truths["a.png"])
    paint("a.png", stroke(truths["a.png"]))
    (folder / "vanished.png").unlink()
    (folder / "cut.png").write_bytes((folder / "a.png").read_bytes()[:-2000])
    cv2.imwrite(str(folder / "resized.png"), np.zeros((32, 64), np.uint8))
    (project.place / "models" / "retrained-001").mkdir(parents=True)  # a damaged model, which isn't listed
    progress = RecordingProgress(stop=True)

    retrained = retrain(project, None, recipe, progress, channels=0)

    reasons = dict(progress.failures)
    assert list(reasons) == ["cut.png", "resized.png", "vanished.png"]
    assert all(slide in reason for slide, reason in reasons.items())
    assert "has changed since it was labelled; it is left out" in reasons["resized.png"]
    assert {slide for slide, _ in drawn} == {"a.png"}

    # Nothing is left to compare with, so the new model is used.
    assert retrained.held_out == 0
    assert retrained.kept.round > 0
    assert card_of(project, retrained).scores["judged_on"] == "training slides"
    assert card_of(project, retrained).temperature == 1, "what it was trained on says nothing of how sure it may be"
    assert card_of(project, retrained).parent == ""
    assert card_of(project, retrained).normalisation.channels == 1

    # Stopped after its first step, it still ends with a model, which takes no other's place.
    assert progress.shares == pytest.approx([1 / 6])
    assert any(isinstance(event, Stopping) for event in progress.events), "who waits for the end is told that it comes"
    assert [card.id for card in project_models(project.place)] == ["retrained-002"]


def test_what_the_new_model_changes_is_counted_on_every_kind_of_slide(
    project: Project, paint: Paint, truths: Truths, folder: Path, bright: ModelCard, recipe: Recipe
) -> None:
    use_model(project, str(bright.folder))
    paint("a.png", truths["a.png"])
    paint("b.png", stroke(truths["b.png"]))
    cv2.imwrite(str(folder / "z.png"), cv2.imread(str(folder / "a.png"), cv2.IMREAD_UNCHANGED))
    cv2.imwrite(str(folder / "coloured.png"), np.zeros((64, 64, 3), np.uint8))
    paint("sub/c.png", truths["sub/c.png"])
    project.add_hold_out(["b.png", "sub/c.png"])
    ruinous = replace(recipe, schedule=replace(recipe.schedule, learning_rate=5.0))
    retrained = retrain(project, bright, ruinous, RecordingProgress(), channels=0)
    assert [report.kept for report in retrained.history] == [True, True, True], "no score chooses a round"
    comparison = retrained.comparison
    assert comparison is not None
    assert (comparison.rival, [tile.slide for tile in comparison.judged]) == ("bright", ["sub/c.png"])
    spots = [int((truths[slide] == 1).sum()) for slide in ("a.png", "b.png", "sub/c.png")]
    assert np.array(comparison.judged[0].before).sum(axis=1)[1] == spots[2]
    assert comparison.learned_whole.labelled == 64 * 64
    assert comparison.learned_whole.spoiled > comparison.learned_whole.wrong, "it did no harm, so this shows nothing"
    assert comparison.unseen_strokes.labelled == 4 * 64
    assert np.array(comparison.unlabelled).sum() == 60 * 64
    assert (comparison.elsewhere_slides, comparison.unlabelled_slides) == (2, 2)
    assert np.array(comparison.elsewhere).sum() == 2 * 64 * 64
    assert np.array(comparison.elsewhere).sum(axis=1)[1] == pytest.approx(spots[0], abs=5)
    assert {tile.slide for tile in comparison.learned} == {"a.png"}
    judgement = judged(retrained)
    assert (judgement.verdict, judgement.is_adopted) == (Verdict.CHANGES_ELSEWHERE, False)


def test_held_out_strokes_over_mistakes_score_no_model(
    project: Project, paint: Paint, truths: Truths, bright: ModelCard, recipe: Recipe
) -> None:
    use_model(project, str(bright.folder))
    paint("a.png", stroke(truths["a.png"]))
    paint("b.png", stroke(truths["b.png"]))
    project.add_hold_out(["b.png"])
    card = card_of(project, retrain(project, bright, recipe, RecordingProgress(), channels=0))
    assert card.scores == {"judged_on": "hold-out"}


def test_of_a_reviewed_slide_it_is_counted_what_a_model_had_proposed(
    project: Project, paint: Paint, truths: Truths, folder: Path, bright: ModelCard, recipe: Recipe
) -> None:
    use_model(project, str(bright.folder))
    paint("a.png", truths["a.png"])
    proposed = np.where(truths["b.png"] == 1, np.uint8(255), np.uint8(0))[..., None]
    file, stamp = proposal_file(project.place, "bright", PlaneId("b.png")), slide_stamp(folder / "b.png")
    write_proposal(file, (64, 64), 1, [(0, proposed)], stamp=stamp)
    workspace = Workspace.open(folder)
    labels = workspace.labels(PlaneId("b.png"), (64, 64))
    box = Box(0, 0, 8, 8)
    painted = make_edit(
        PlaneId("b.png"), box, labels.read(box), 1 - truths["b.png"][:8, :8], "brush",
        state_before=PlaneState.PROPOSED, state_after=PlaneState.CORRECTED,
    )  # fmt: skip
    assert painted is not None
    workspace.perform(painted, (64, 64))
    review(workspace, PlaneId("b.png"), labels)
    assert workspace.close()
    project.add_hold_out(["b.png"])
    comparison = retrain(project, bright, recipe, RecordingProgress(), channels=0).comparison
    assert comparison is not None
    assert [tile.slide for tile in comparison.judged] == ["b.png"]
    assert comparison.proposed == 64 * 64 - 8 * 8


def one_pixel() -> NDArray[np.uint8]:
    labels = np.full((64, 64), UNLABELLED, np.uint8)
    labels[30, 40] = 1
    return labels


@pytest.mark.parametrize("labels", [one_pixel(), np.zeros((64, 64), np.uint8)], ids=["one pixel", "all background"])
@pytest.mark.parametrize("classes", [("nucleus",), ("nucleus", "never labelled")])
def test_the_poorest_labels_still_give_a_model(
    project: Project, paint: Paint, recipe: Recipe, labels: NDArray[np.uint8], classes: tuple[str, ...]
) -> None:
    project.set_classes(make_classes(*classes))
    paint("a.png", labels)
    retrained = retrain(project, None, recipe, RecordingProgress(), channels=0)
    assert (retrained.held_out, retrained.kept.round) == (0, 2), "of one slide none can be held out; it is used"
    assert all(np.isfinite(report.loss) for report in retrained.history[1:])
    assert load_network(card_of(project, retrained)).output_shape[-1] == 1 + len(classes)
    assert card_of(project, retrained).scores["judged_on"] == "training slides"


def test_a_model_says_which_slides_it_and_those_it_comes_from_learned_from(
    project: Project, paint: Paint, truths: Truths, recipe: Recipe
) -> None:
    paint("a.png", truths["a.png"])
    paint("b.png", truths["b.png"])
    project.add_hold_out(["b.png"])
    first = card_of(project, retrain(project, None, recipe, RecordingProgress(stop=True)))
    assert learned_slides(first) == {"a.png"}, "the hold-out teaches nothing"
    project.add_hold_out(["a.png"])
    paint("sub/c.png", truths["sub/c.png"])
    second = card_of(project, retrain(project, first, recipe, RecordingProgress(stop=True)))
    assert learned_slides(second) == {"a.png", "sub/c.png"}


def test_a_recipe_may_set_slides_aside_to_choose_a_round_on(
    project: Project, paint: Paint, truths: Truths, recipe: Recipe, drawn: list[Any]
) -> None:
    for slide, truth in truths.items():
        paint(slide, truth)
    project.add_hold_out(["b.png"])
    choosing = replace(recipe, schedule=replace(recipe.schedule, validation=0.5))
    assert retrain(project, None, choosing, RecordingProgress(), channels=0).held_out == 1
    assert len({slide for slide, _ in drawn}) == 1, "one judges, one chooses, and one teaches"
    assert project.hold_out() == {"b.png"}


def test_without_a_hold_out_the_last_round_is_kept(
    project: Project, paint: Paint, truths: Truths, bright: ModelCard, recipe: Recipe
) -> None:
    paint("a.png", stroke(truths["a.png"]))
    history = retrain(project, bright, recipe, RecordingProgress(), channels=0).history
    assert [report.kept for report in history] == [True] * 3


def test_pictures_curves_and_checkpoints_that_cant_be_written_end_no_training(
    project: Project, paint: Paint, truths: Truths, bright: ModelCard, recipe: Recipe, monkeypatch: pytest.MonkeyPatch
) -> None:
    paint("a.png", stroke(truths["a.png"]))
    write = files._replace

    def refuse(path: Path, data: Any) -> None:
        if path.name == CHECKPOINT or path.suffix == ".png":
            raise OSError(errno.ENOSPC, "No space left on device")
        write(path, data)

    def fail(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(files, "_replace", refuse)
    monkeypatch.setattr(EventLog, "write", fail)
    progress = RecordingProgress()
    retrained = retrain(project, bright, replace(recipe, tensorboard=True), progress, channels=0)
    assert [told.preview for told in progress.rounds] == [""] * 3
    first, second, third = (report.note for report in retrained.history)
    assert not first and not second, "nothing was to be written before them"
    assert third.startswith("If it is interrupted now, it can't go on from round 1:")
    assert "could not be written" in third
    assert load_network(card_of(project, retrained)) is not None


def test_a_model_of_whole_slides_is_judged_on_whole_ones_and_stays_one(
    project: Project, paint: Paint, truths: Truths, recipe: Recipe
) -> None:
    paint("a.png", truths["a.png"])
    paint("b.png", truths["b.png"])
    project.add_hold_out(["b.png"])
    whole = replace(recipe, schedule=replace(recipe.schedule, whole=True, patch=48))
    progress = RecordingProgress()
    card = card_of(project, retrain(project, None, whole, progress, channels=0))
    for told in progress.rounds:
        picture = cv2.imread(told.preview)
        assert picture is not None
        assert picture.shape == (48, 48, 3)
    again = retrain(project, card, recipe, RecordingProgress(stop=True), channels=0)
    assert card_of(project, again).recipe["schedule"] == whole.as_dict()["schedule"]
    assert again.history[0].dice == pytest.approx(card.scores["dice"], abs=1e-6)


def test_models_are_judged_after_the_clean_up_of_their_recipe(
    project: Project, paint: Paint, truths: Truths, bright: ModelCard, recipe: Recipe
) -> None:
    paint("a.png", truths["a.png"])
    assert retrain(project, bright, recipe, RecordingProgress(stop=True), channels=0).history[0].dice > 0.99
    emptied = replace(recipe, clean_up="remove-small:4000")
    assert retrain(project, bright, emptied, RecordingProgress(stop=True), channels=0).history[0].dice == 0


def test_the_curves_go_to_the_folder_of_the_run(project: Project, paint: Paint, truths: Truths, recipe: Recipe) -> None:
    paint("a.png", truths["a.png"])
    retrain(project, None, replace(recipe, tensorboard=True), RecordingProgress(stop=True), channels=0)
    assert len(list((project.place / "runs" / "retrained-001" / "tensorboard").iterdir())) == 1


@dataclass
class InterruptedProgress(RecordingProgress):
    """Raises after the second round, as if the power failed."""

    def event(self, event: Event) -> None:
        super().event(event)
        if isinstance(event, Round) and event.round == 2:
            raise KeyboardInterrupt


class TestResuming:
    @pytest.fixture
    def longer(self, recipe: Recipe) -> Recipe:
        return replace(recipe, schedule=replace(recipe.schedule, rounds=3, patience=3))

    @pytest.fixture
    def interrupted(self, project: Project, paint: Paint, truths: Truths, longer: Recipe) -> Project:
        """A training that ended before its second round was kept."""
        paint("a.png", truths["a.png"])
        paint("b.png", truths["b.png"])
        project.add_hold_out(["b.png"])
        with pytest.raises(KeyboardInterrupt):
            retrain(project, None, longer, InterruptedProgress(), channels=0)
        assert project_models(project.place) == []
        return project

    def test_it_ends_as_if_nothing_had_happened(
        self, interrupted: Project, longer: Recipe, published: list[keras.Model]
    ) -> None:
        progress = RecordingProgress()
        resumed = resume(interrupted, progress)
        assert [told.round for told in progress.rounds] == [2, 3]
        assert [report.round for report in resumed.history] == [0, 1, 2, 3]
        card = card_of(interrupted, resumed)
        assert (card.id, card.title, resumed.held_out) == ("retrained-001", "Retrained 1", 1)
        assert card.folder == interrupted.place / "models" / "retrained-001"

        whole = retrain(interrupted, None, longer, RecordingProgress(), channels=0)
        assert whole.model == "retrained-002"
        assert card.recipe == card_of(interrupted, whole).recipe
        dice = [report.dice for report in whole.history]
        assert [report.dice for report in resumed.history] == pytest.approx(dice, abs=1e-6)
        for one, other in zip(published[0].get_weights(), published[1].get_weights(), strict=True):
            np.testing.assert_allclose(one, other, atol=1e-6)

    def test_the_parent_is_still_known(
        self, project: Project, paint: Paint, truths: Truths, bright: ModelCard, longer: Recipe
    ) -> None:
        paint("a.png", truths["a.png"])
        with pytest.raises(KeyboardInterrupt):
            retrain(project, bright, longer, InterruptedProgress(), channels=0)
        assert resume(project, RecordingProgress()).parent == "bright"

    def test_a_finished_training_is_not_resumed(self, interrupted: Project) -> None:
        resume(interrupted, RecordingProgress())
        with pytest.raises(ModelError, match=r"No training of this project was interrupted.*Start a new one"):
            resume(interrupted, RecordingProgress())

    def test_the_one_that_was_interrupted_last_goes_on(self, interrupted: Project, longer: Recipe) -> None:
        with pytest.raises(KeyboardInterrupt):
            retrain(interrupted, None, longer, InterruptedProgress(), channels=0)
        assert resume(interrupted, RecordingProgress(stop=True)).model == "retrained-002"
        assert resume(interrupted, RecordingProgress(stop=True)).model == "retrained-001"

    def test_labels_of_other_classes_are_refused(self, interrupted: Project) -> None:
        interrupted.set_classes(make_classes("axon", "myelin"))
        with pytest.raises(ModelError, match="'retrained-001' can't go on: the project's classes have changed"):
            resume(interrupted, RecordingProgress())

    def test_a_damaged_checkpoint_is_said_to_be_damaged(self, interrupted: Project) -> None:
        (interrupted.place / "runs" / "retrained-001" / "checkpoint.npz").write_bytes(b"half")
        with pytest.raises(ModelError, match="is damaged, so its training can't go on"):
            resume(interrupted, RecordingProgress())


class TestRefusals:
    """What is refused before anything is trained."""

    @pytest.fixture
    def nothing_trained(self, drawn: list[Any], project: Project) -> Iterator[None]:
        yield
        assert drawn == []
        assert project_models(project.place) == []

    def test_nothing_labelled(self, project: Project, recipe: Recipe, nothing_trained: None) -> None:
        with pytest.raises(StudioError, match=r"Nothing is labelled yet.*Correct some masks with the brush"):
            retrain(project, None, recipe, RecordingProgress(), channels=1)

    def test_a_model_of_other_classes(
        self, project: Project, paint: Paint, truths: Truths, bright: ModelCard, recipe: Recipe, nothing_trained: None
    ) -> None:
        paint("a.png", truths["a.png"])
        project.set_classes(make_classes("axon", "myelin"))
        with pytest.raises(ModelError, match="The model 'Bright' knows spot, but this project has axon, myelin"):
            retrain(project, bright, recipe, RecordingProgress(), channels=0)

    def test_every_labelled_slide_on_the_hold_out(
        self, project: Project, paint: Paint, truths: Truths, recipe: Recipe, nothing_trained: None
    ) -> None:
        paint("a.png", truths["a.png"])
        project.add_hold_out(["a.png"])
        with pytest.raises(StudioError, match="Every labelled slide is on the hold-out"):
            retrain(project, None, recipe, RecordingProgress(), channels=1)

    def test_no_labelled_slide_that_can_be_read(
        self, project: Project, paint: Paint, truths: Truths, folder: Path, recipe: Recipe, nothing_trained: None
    ) -> None:
        paint("a.png", truths["a.png"])
        (folder / "a.png").write_bytes(b"no picture")
        progress = RecordingProgress()
        with pytest.raises(StudioError, match="None of the labelled slides can be read"):
            retrain(project, None, recipe, progress, channels=1)
        assert [slide for slide, _ in progress.failures] == ["a.png"]

    def test_a_folder_that_cannot_be_written(
        self, project: Project, paint: Paint, truths: Truths, recipe: Recipe, nothing_trained: None
    ) -> None:
        paint("a.png", truths["a.png"])
        (project.place / "runs").write_text("in the way")
        with pytest.raises(StudioError, match=r"could not begin, because '.*retrained-001' can't be written"):
            retrain(project, None, recipe, RecordingProgress(), channels=1)

    def test_a_clean_up_that_makes_no_sense(
        self, project: Project, paint: Paint, truths: Truths, recipe: Recipe, nothing_trained: None
    ) -> None:
        paint("a.png", truths["a.png"])
        with pytest.raises(RecipeError, match="“remove-smal”"):
            retrain(project, None, replace(recipe, clean_up="remove-smal:3"), RecordingProgress(), channels=1)

    def test_a_model_for_other_channels(
        self, project: Project, paint: Paint, truths: Truths, bright: ModelCard, recipe: Recipe, nothing_trained: None
    ) -> None:
        paint("a.png", truths["a.png"])
        progress = RecordingProgress()
        many = replace(bright, normalisation=replace(bright.normalisation, channels=5))
        with pytest.raises(StudioError, match="None of the labelled slides can be read"):
            retrain(project, many, recipe, progress, channels=0)
        assert "looks at 5 channels, but the slide has 1" in progress.failures[0][1]


class TestSnapshot:
    """What a training reads of a project."""

    def test_its_fingerprint_tells_labels_apart(self, project: Project, paint: Paint, truths: Truths) -> None:
        paint("a.png", truths["a.png"])
        first = read_snapshot(project).fingerprint()
        assert read_snapshot(project).fingerprint() == first
        changed = truths["a.png"].copy()
        changed[5, 5] = UNLABELLED
        paint("a.png", changed)
        second = read_snapshot(project).fingerprint()
        paint("b.png", truths["b.png"])
        assert len({first, second, read_snapshot(project).fingerprint()}) == 3

    def test_it_stays_as_it_was_while_the_user_goes_on(self, project: Project, paint: Paint, truths: Truths) -> None:
        paint("a.png", stroke(truths["a.png"]))
        snapshot = read_snapshot(project)
        paint("b.png", truths["b.png"])
        assert [plane.plane.slide for plane, _ in snapshot.planes] == ["a.png"]
        assert [plane.labelled for plane, _ in snapshot.planes] == [4 * 64]


@dataclass
class StoppedWhilePreparing(RecordingProgress):
    """Stops the training while it is still being prepared."""

    after: int = 1

    def cancelled(self) -> bool:
        return len(self.events) >= self.after


@pytest.mark.parametrize("after", [0, 1, 2, 3])
def test_it_can_be_stopped_while_the_slides_are_read(
    project: Project, paint: Paint, truths: Truths, recipe: Recipe, drawn: list[Any], after: int
) -> None:
    for slide, truth in truths.items():
        paint(slide, truth)
    progress = StoppedWhilePreparing(after=after)
    with pytest.raises(Cancelled, match="stopped before it began; nothing has changed"):
        retrain(project, None, recipe, progress)
    assert [event.number for event in progress.events if isinstance(event, Preparing)] == list(range(1, after + 1))
    assert drawn == []
    assert project_models(project.place) == []
    assert not (project.place / "runs").exists()


def test_a_checkpoint_of_an_earlier_version_can_be_resumed(
    project: Project, paint: Paint, truths: Truths, recipe: Recipe, published: list[keras.Model]
) -> None:
    paint("a.png", truths["a.png"])
    longer = replace(recipe, schedule=replace(recipe.schedule, rounds=3, patience=3))
    with pytest.raises(KeyboardInterrupt):
        retrain(project, None, longer, InterruptedProgress())
    run = project.place / "runs" / "retrained-001"
    checkpoint = read_checkpoint(run)
    for report in checkpoint.facts["history"]:
        report["best"] = report.pop("kept")
        del report["preview"]
    checkpoint.write(run)
    resumed = resume(project, RecordingProgress())
    assert [(report.round, report.kept) for report in resumed.history] == [(0, True), (1, True), (2, True), (3, True)]


def test_the_audit_sample_is_kept_apart(project: Project, paint: Paint, truths: Truths) -> None:
    project.set_audit(["a.png", "sub/c.png"])
    paint("a.png", truths["a.png"])
    with pytest.raises(StudioError, match="outside the audit sample"):
        read_snapshot(project)
    paint("b.png", truths["b.png"])
    snapshot = read_snapshot(project)
    assert [plane.plane.slide for plane, _ in snapshot.planes] == ["b.png"]
    with ExitStack() as stack:  # nor does a teacher's replay of what nobody labelled see it
        assert open_unlabelled(snapshot, project.folder, Normalisation(1), 0, stack) == []
    project.set_audit(["a.png"])
    with ExitStack() as stack:
        found = open_unlabelled(read_snapshot(project), project.folder, Normalisation(1), 0, stack)
        assert [slide.plane.slide for slide in found] == ["sub/c.png"]
