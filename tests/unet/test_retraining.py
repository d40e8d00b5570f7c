"""Retraining: what it learns from, what it never touches, and what it leaves behind."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from unet_studio.core.classes import UNLABELLED, make_classes
from unet_studio.core.models import ModelCard, project_models, read_card
from unet_studio.core.project import Project
from unet_studio.errors import ModelError, StudioError
from unet_studio.unet import patches
from unet_studio.unet.recipes import Architecture, Recipe
from unet_studio.unet.retraining import read_snapshot, retrain
from unet_studio.unet.training import RoundReport
from unet_studio.unet.weights import load_network

Paint = Callable[[str, NDArray[np.uint8]], None]
Truths = dict[str, NDArray[np.uint8]]


@dataclass
class Witness:
    """Follows a retraining and keeps what it is told."""

    steps: list[tuple[int, int]] = field(default_factory=list)
    rounds: list[tuple[RoundReport, Path]] = field(default_factory=list)
    failures: list[tuple[str, str]] = field(default_factory=list)
    stop: bool = False

    def step(self, done: int, steps: int) -> None:
        self.steps.append((done, steps))

    def round(self, report: RoundReport, preview: Path) -> None:
        self.rounds.append((report, preview))

    def failed(self, slide: str, reason: str) -> None:
        self.failures.append((slide, reason))

    def cancelled(self) -> bool:
        return self.stop


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


def stroke(truth: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Labels of a few rows of the truth, all else unlabelled."""
    labels = np.full_like(truth, UNLABELLED)
    labels[20:24] = truth[20:24]
    return labels


def test_a_retraining_from_a_model(
    project: Project, paint: Paint, truths: Truths, bright: ModelCard, recipe: Recipe, drawn: list[Any]
) -> None:
    paint("a.png", stroke(truths["a.png"]))
    paint("b.png", truths["b.png"])
    paint("sub/c.png", truths["sub/c.png"])
    project.add_hold_out(["b.png"])
    labels_before = read_snapshot(project).fingerprint()
    watcher = Witness()
    other = replace(recipe, architecture=Architecture(depth=3, width=7), seed=4)

    retrained = retrain(project, bright, other, watcher, channels=0)

    # The hold-out judges and never teaches; what nobody labelled teaches nothing.
    assert {slide for slide, _ in drawn} == {"a.png", "sub/c.png"}
    of_stroke = [labels for slide, labels in drawn if slide == "a.png"]
    assert all(0 < np.count_nonzero(labels != UNLABELLED) < labels.size / 2 for labels in of_stroke)
    assert retrained.compared

    # The new model is a whole folder, says where it comes from, and keeps the network of the one it started from.
    card = retrained.card
    assert card.folder == project.place / "models" / "retrained-001"
    assert sorted(file.name for file in card.folder.iterdir()) == ["card.toml", "history.csv", "model.keras"]
    assert read_card(card.folder) == card
    assert (card.id, card.title, card.parent) == ("retrained-001", "Retrained 1", "bright")
    assert card.classes == bright.classes
    assert card.normalisation == bright.normalisation
    assert card.recipe == replace(recipe, seed=4).as_dict()
    assert card.scores == {
        "judged_on": "hold-out", "dice": retrained.result.dice, "dice_before": retrained.result.dice_before
    }  # fmt: skip
    assert card.data == f"3 slides, {4 * 64 + 2 * 64 * 64} labelled pixels, labels {labels_before}"
    for kept, best in zip(load_network(card).get_weights(), retrained.result.network.get_weights(), strict=True):
        np.testing.assert_array_equal(kept, best)
    assert (card.folder / "history.csv").read_text().count("\n") == 1 + len(retrained.result.history)

    # Who follows hears of every step and round, and sees a picture of the hold-out after each.
    assert watcher.steps == [(done, 6) for done in range(1, 7)]
    assert tuple(report for report, _ in watcher.rounds) == retrained.result.history
    for _, preview in watcher.rounds:
        assert preview.parent == project.place / "runs" / "retrained-001"
        picture = cv2.imread(str(preview))
        assert picture is not None
        assert picture.shape == (64, 64, 3)
    assert watcher.failures == []

    # The brightness model was perfect on the hold-out already, so the new one is not better.
    assert retrained.result.dice_before > 0.99
    assert not retrained.better
    assert read_snapshot(project).fingerprint() == labels_before


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
    watcher = Witness(stop=True)

    retrained = retrain(project, None, recipe, watcher, channels=0)

    reasons = dict(watcher.failures)
    assert list(reasons) == ["cut.png", "resized.png", "vanished.png"]
    assert all(slide in reason for slide, reason in reasons.items())
    assert "has changed since it was labelled; it is left out" in reasons["resized.png"]
    assert {slide for slide, _ in drawn} == {"a.png"}

    # Nothing is left to compare with, so the new model is used.
    assert not retrained.compared
    assert retrained.better
    assert retrained.card.scores["judged_on"] == "training slides"
    assert retrained.card.parent == ""
    assert retrained.card.normalisation.channels == 1

    # Stopped after its first step, it still ends with a model, which takes no other's place.
    assert watcher.steps == [(1, 6)]
    assert [card.id for card in project_models(project.place)] == ["retrained-002"]


class TestRefusals:
    """What is refused before anything is trained."""

    @pytest.fixture
    def nothing_trained(self, drawn: list[Any], project: Project) -> Iterator[None]:
        yield
        assert drawn == []
        assert project_models(project.place) == []

    def test_nothing_labelled(self, project: Project, recipe: Recipe, nothing_trained: None) -> None:
        with pytest.raises(StudioError, match=r"Nothing is labelled yet.*Correct some masks with the brush"):
            retrain(project, None, recipe, Witness(), channels=1)

    def test_a_model_of_other_classes(
        self, project: Project, paint: Paint, truths: Truths, bright: ModelCard, recipe: Recipe, nothing_trained: None
    ) -> None:
        paint("a.png", truths["a.png"])
        project.set_classes(make_classes("axon", "myelin"))
        with pytest.raises(ModelError, match="The model 'Bright' knows spot, but this project has axon, myelin"):
            retrain(project, bright, recipe, Witness(), channels=0)

    def test_every_labelled_slide_on_the_hold_out(
        self, project: Project, paint: Paint, truths: Truths, recipe: Recipe, nothing_trained: None
    ) -> None:
        paint("a.png", truths["a.png"])
        project.add_hold_out(["a.png"])
        with pytest.raises(StudioError, match="Every labelled slide is on the hold-out"):
            retrain(project, None, recipe, Witness(), channels=1)

    def test_no_labelled_slide_that_can_be_read(
        self, project: Project, paint: Paint, truths: Truths, folder: Path, recipe: Recipe, nothing_trained: None
    ) -> None:
        paint("a.png", truths["a.png"])
        (folder / "a.png").write_bytes(b"no picture")
        watcher = Witness()
        with pytest.raises(StudioError, match="None of the labelled slides can be read"):
            retrain(project, None, recipe, watcher, channels=1)
        assert [slide for slide, _ in watcher.failures] == ["a.png"]

    def test_a_model_for_other_channels(
        self, project: Project, paint: Paint, truths: Truths, bright: ModelCard, recipe: Recipe, nothing_trained: None
    ) -> None:
        paint("a.png", truths["a.png"])
        watcher = Witness()
        many = replace(bright, normalisation=replace(bright.normalisation, channels=5))
        with pytest.raises(StudioError, match="None of the labelled slides can be read"):
            retrain(project, many, recipe, watcher, channels=0)
        assert "looks at 5 channels, but the slide has 1" in watcher.failures[0][1]


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
        assert snapshot.labelled_pixels == 4 * 64
