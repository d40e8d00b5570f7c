"""A corrected slide keeps its mask when another model is used, says so, and takes the newer proposal when asked."""

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest
from numpy.typing import NDArray
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QLabel
from pytestqt.qtbot import QtBot

from unet_studio.core.labels.plane import PlaneId
from unet_studio.core.masks.kept import find_kept
from unet_studio.core.project.store import PLACE_NAME, Project
from unet_studio.core.tiles import Box
from unet_studio.gui.comparing.modes import CompareMode
from unet_studio.gui.window.main_window import MainWindow

if TYPE_CHECKING:
    from tests.gui.conftest import Hand

SIZE = 128
OTHER_MODEL = "nuclei-histology"
S1, S2 = PlaneId("s1.png"), PlaneId("s2.png")
CTRL = Qt.KeyboardModifier.ControlModifier


def band(top: int) -> NDArray[np.uint8]:
    """Probabilities of a band across the whole slide, 20 rows high."""
    probability = np.zeros((SIZE, SIZE), np.uint8)
    probability[top : top + 20] = 200
    return probability


def mask(window: MainWindow) -> NDArray[np.uint8]:
    assert window.session.plane is not None
    return window.session.plane.view.read(Box(0, 0, SIZE, SIZE))


def said(window: MainWindow) -> str:
    """What is seen in the propose panel of the proposal under the labels."""
    labels = window.propose_panel.findChildren(QLabel)
    return " ".join(label.text() for label in labels if not label.isHidden() and "keeps the proposal" in label.text())


def may_take(window: MainWindow) -> bool:
    return window.actions_by_id["take_newer"].isEnabled()


@pytest.fixture
def corrected(hand: "Hand") -> "Hand":
    """A hand at slide s1, which was corrected on a band at 20…40 by one model; now another one is used."""
    hand.give_proposal("s1.png", band(20))
    hand.drag((60, 8), (60, 120))
    assert not said(hand.window) and not may_take(hand.window)
    hand.window.session.models.use(OTHER_MODEL)
    return hand


def test_the_mask_stays_and_the_window_says_whose_it_is(corrected: "Hand") -> None:
    window = corrected.window
    before = mask(window)
    assert before[30].all() and before[60, 60]
    assert "by another model" in said(window) and not may_take(window)
    corrected.give_proposal("s1.png", band(80))
    np.testing.assert_array_equal(mask(window), before)
    assert "There is a newer one" in said(window) and may_take(window)


def test_the_newer_proposal_is_taken_by_a_key_and_given_back_by_undo(corrected: "Hand") -> None:
    window = corrected.window
    corrected.give_proposal("s1.png", band(80))
    before, labels = mask(window), corrected.labels()
    corrected.key(Qt.Key.Key_T)
    after = mask(window)
    assert after[90].all() and after[60, 60] and not after[30].any()
    np.testing.assert_array_equal(corrected.labels(), labels)
    assert not said(window) and not may_take(window)
    assert window.actions_by_id["undo"].text() == "Undo newer proposal for s1.png"
    corrected.key(Qt.Key.Key_Z, CTRL)
    np.testing.assert_array_equal(mask(window), before)
    assert "There is a newer one" in said(window) and may_take(window)
    corrected.key(Qt.Key.Key_Y, CTRL)
    np.testing.assert_array_equal(mask(window), after)
    corrected.saved()
    with Project.open(window.session.workspace.folder) as project:  # type: ignore[union-attr]
        kept = find_kept(project, S1)
        assert kept is not None and kept.model == OTHER_MODEL


def test_taking_the_first_stroke_back_shows_the_active_models_proposal(corrected: "Hand") -> None:
    corrected.give_proposal("s1.png", band(80))
    corrected.key(Qt.Key.Key_Z, CTRL)
    assert mask(corrected.window)[90].all() and not mask(corrected.window)[30].any()
    assert not said(corrected.window)
    corrected.key(Qt.Key.Key_Y, CTRL)
    assert mask(corrected.window)[30].all() and not mask(corrected.window)[90].any()


def test_kept_and_newer_proposal_can_be_compared(corrected: "Hand") -> None:
    comparison = corrected.window.comparison
    corrected.give_proposal("s1.png", band(80))
    corrected.key(Qt.Key.Key_D)
    names = [source.name for source in comparison.sources]
    assert names[:2] == ["mask", "labels"] and len(names) == 4
    assert comparison.mode is CompareMode.SWIPE
    first, second = comparison.shown or (None, None)
    assert first is not None and second is not None
    assert (first.name, second.model) == ("mask", OTHER_MODEL), "the newer one is offered first"


def test_another_proposal_of_the_same_model_is_offered_beside_the_kept_one(hand: "Hand") -> None:
    hand.give_proposal("s1.png", band(20))
    hand.drag((60, 8), (60, 120))
    hand.saved()
    before = mask(hand.window)
    hand.give_proposal("s1.png", band(90))
    np.testing.assert_array_equal(mask(hand.window), before)
    assert "has made another one since" in said(hand.window)
    hand.key(Qt.Key.Key_D)
    assert [source.name.split(" of ")[0] for source in hand.window.comparison.sources] == [
        "mask", "labels", "kept proposal", "proposal",
    ]  # fmt: skip


def test_a_slide_whose_kept_proposal_is_gone_opens_says_so_and_is_not_reviewed(
    corrected: "Hand", make_window: Callable[[], MainWindow], folder: Path, qtbot: QtBot
) -> None:
    corrected.saved()
    assert corrected.window.session.close_folder()
    shutil.rmtree(folder / PLACE_NAME / "kept")
    shutil.rmtree(folder / PLACE_NAME / "proposals")
    corrected.open(folder)
    window = corrected.window
    told = [label.text() for label in window.messages.findChildren(QLabel)]
    assert any("corrected on is missing or damaged" in text for text in told)
    assert mask(window)[60, 60] and not mask(window)[30].any()
    corrected.key(Qt.Key.Key_Return)
    qtbot.waitUntil(lambda: not window.session.workspace.unsaved.state().tasks)  # type: ignore[union-attr]
    assert window.session.workspace is not None
    assert window.session.workspace.state(S1) == "corrected", "nothing became background unseen"
