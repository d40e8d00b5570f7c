"""Heat over the slide: where the proposal is undecided, or against the labels, at any zoom, and after every stroke."""

from typing import TYPE_CHECKING

import numpy as np
import pytest
from PySide6.QtCore import Qt

from unet_studio.core.figures.heat import Heat
from unet_studio.core.masks.proposals import proposal_file

if TYPE_CHECKING:
    from tests.gui.conftest import Hand

SHIFT = Qt.KeyboardModifier.ShiftModifier
WAIT = 5000


def seen(hand: "Hand", y: float, x: float) -> tuple[int, int, int]:
    """The colour on the screen at a pixel of the slide."""
    colour = hand.window.canvas.viewport().grab().toImage().pixelColor(hand.at(y + 0.5, x + 0.5))
    return colour.red(), colour.green(), colour.blue()


def is_yellow(colour: tuple[int, int, int]) -> bool:
    red, green, blue = colour
    return red > 190 and green > 190 and blue < 120


@pytest.fixture
def doubtful(hand: "Hand") -> "Hand":
    """A proposal that is undecided in its right half only, on a grey slide with the pointer away from it."""
    probability = np.zeros((128, 128), np.uint8)
    probability[:, 64:] = 128
    hand.give_proposal("s1.png", probability)
    return hand


def test_what_is_undecided_glows_and_what_is_sure_stays_as_it_is(doubtful: "Hand") -> None:
    doubtful.key(Qt.Key.Key_Y)
    assert doubtful.window.actions_by_id["heat_uncertainty"].isChecked()
    doubtful.qtbot.waitUntil(lambda: is_yellow(seen(doubtful, 60, 100)), timeout=WAIT)
    sure = seen(doubtful, 60, 20)
    doubtful.key(Qt.Key.Key_Y)
    assert not doubtful.window.actions_by_id["heat_uncertainty"].isChecked()
    doubtful.qtbot.waitUntil(lambda: not is_yellow(seen(doubtful, 60, 100)), timeout=WAIT)
    assert seen(doubtful, 60, 20) == sure


def test_it_follows_to_another_slide_and_to_a_new_proposal(doubtful: "Hand") -> None:
    doubtful.key(Qt.Key.Key_Y)
    doubtful.qtbot.waitUntil(lambda: is_yellow(seen(doubtful, 60, 100)), timeout=WAIT)
    with doubtful.qtbot.waitSignal(doubtful.window.session.plane_opened):
        doubtful.key(Qt.Key.Key_PageDown)
    doubtful.qtbot.waitUntil(lambda: not is_yellow(seen(doubtful, 60, 100)), timeout=WAIT)
    doubtful.give_proposal("s2.png", np.full((128, 128), 128, np.uint8))
    doubtful.qtbot.waitUntil(lambda: is_yellow(seen(doubtful, 60, 20)), timeout=WAIT)


def test_labels_against_the_proposal_glow_as_soon_as_they_are_painted(hand: "Hand") -> None:
    hand.give_proposal("s1.png", np.zeros((128, 128), np.uint8))
    hand.key(Qt.Key.Key_Y, SHIFT)
    hand.drag((60, 20), (60, 100))
    hand.move(110, 110)
    hand.qtbot.waitUntil(lambda: is_yellow(seen(hand, 60, 60)), timeout=WAIT)
    assert not is_yellow(seen(hand, 100, 60))
    hand.window.session.undo()
    hand.qtbot.waitUntil(lambda: not is_yellow(seen(hand, 60, 60)), timeout=WAIT)


def test_one_kind_takes_the_place_of_the_other(doubtful: "Hand") -> None:
    doubtful.key(Qt.Key.Key_Y)
    doubtful.key(Qt.Key.Key_Y, SHIFT)
    assert doubtful.window.canvas.heat_layer.heat is Heat.DISAGREEMENT
    checked = [doubtful.window.actions_by_id[f"heat_{heat}"].isChecked() for heat in Heat]
    assert checked == [False, True]


def test_hiding_the_mask_hides_the_heat(doubtful: "Hand") -> None:
    doubtful.key(Qt.Key.Key_Y)
    doubtful.qtbot.waitUntil(lambda: is_yellow(seen(doubtful, 60, 100)), timeout=WAIT)
    doubtful.window.canvas.show_masks(False)
    assert not is_yellow(seen(doubtful, 60, 100))


def test_while_it_is_shown_the_mask_is_outlines(hand: "Hand") -> None:
    hand.give_proposal("s1.png", np.full((128, 128), 255, np.uint8))
    hand.move(120, 120)
    hand.qtbot.waitUntil(lambda: max(seen(hand, 60, 60)) - min(seen(hand, 60, 60)) > 20, timeout=WAIT)  # a tint
    hand.key(Qt.Key.Key_Y)
    hand.qtbot.waitUntil(lambda: len({*seen(hand, 60, 60)}) == 1, timeout=WAIT)  # the grey slide


def test_a_damaged_proposal_is_told_once(doubtful: "Hand") -> None:
    workspace = doubtful.window.session.workspace
    assert workspace is not None and doubtful.window.session.plane is not None
    file = proposal_file(workspace.place, workspace.active_model, doubtful.window.session.plane.id)
    file.write_bytes(file.read_bytes()[:4096] + b"\0" * 4096)
    told: list[str] = []
    doubtful.window.canvas.mask_failed.connect(told.append)
    doubtful.key(Qt.Key.Key_Y)
    doubtful.qtbot.waitUntil(lambda: bool(told), timeout=WAIT)
    doubtful.window.canvas.viewport().repaint()
    doubtful.qtbot.wait(100)
    assert len(told) == 1 and "can't be read" in told[0]
