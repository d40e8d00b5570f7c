"""N goes from one doubtful place to the next, past what was looked at or labelled, and on to other slides."""

from pathlib import Path
from typing import TYPE_CHECKING

import cv2
import numpy as np
import pytest
from PySide6.QtCore import QPointF, Qt
from PySide6.QtWidgets import QLabel
from pytestqt.qtbot import QtBot

from unet_studio.core.classes import UNLABELLED
from unet_studio.core.labels.plane import LabelPlane, PlaneId
from unet_studio.core.masks.mask_view import MaskView
from unet_studio.core.masks.proposal_writing import write_proposal
from unet_studio.core.masks.proposals import proposal_file, slide_stamp
from unet_studio.core.tiles import Box
from unet_studio.gui.jobs.doubtful_places import most_doubtful

if TYPE_CHECKING:
    from tests.gui.conftest import Hand

WAIT = 20_000
SIDE = 1536


@pytest.fixture
def wide(hand: "Hand", tmp_path: Path) -> "Hand":
    """Two large slides with a proposal each; of the first three places are doubtful, of the second one."""
    folder = tmp_path / "wide"
    folder.mkdir()
    rng = np.random.default_rng(0)
    for name in ("a.png", "b.png"):
        cv2.imwrite(str(folder / name), rng.integers(0, 255, (SIDE, SIDE), dtype=np.uint8))
    hand.open(folder)
    workspace = hand.window.session.workspace
    assert workspace is not None
    for name, places in {"a.png": {(1, 1): 128, (10, 3): 100, (6, 10): 80}, "b.png": {(3, 3): 128}}.items():
        probability = np.zeros((SIDE, SIDE, 1), np.uint8)
        for (row, column), value in places.items():
            probability[row * 128 : (row + 1) * 128, column * 128 : (column + 1) * 128] = value
        file = proposal_file(workspace.place, workspace.active_model, PlaneId(name))
        strips = [(y, probability[y : y + 256]) for y in range(0, SIDE, 256)]
        write_proposal(file, (SIDE, SIDE), 1, strips, stamp=slide_stamp(folder / name))
        hand.window.tasks.proposing.proposed.emit(PlaneId(name), workspace.active_model)
    hand.window.canvas.fit()
    return hand


def middle(hand: "Hand") -> tuple[int, int]:
    """The place in the middle of the view, (row, column)."""
    canvas = hand.window.canvas
    centre = canvas.mapToScene(canvas.viewport().rect().center())
    return int(centre.y()) // 128, int(centre.x()) // 128


def go_on(hand: "Hand") -> None:
    with hand.qtbot.waitSignal(hand.window.tasks.doubtful_places.found, timeout=WAIT):
        hand.key(Qt.Key.Key_N)


def slide(hand: "Hand") -> str:
    assert hand.window.session.plane is not None
    return hand.window.session.plane.id.slide


def test_it_goes_to_the_most_doubtful_place_close_enough_and_marks_it_for_a_moment(wide: "Hand") -> None:
    assert wide.window.canvas.zoom < 1
    go_on(wide)
    assert middle(wide) == (1, 1)
    assert wide.window.canvas.zoom == pytest.approx(1)
    mark = wide.window.canvas._place
    assert mark.isVisible()
    assert mark.boundingRect().contains(QPointF(192, 192))
    wide.qtbot.waitUntil(lambda: not mark.isVisible(), timeout=3000)


def test_then_to_the_next_and_on_to_the_other_slide(wide: "Hand") -> None:
    for place in ((1, 1), (10, 3), (6, 10)):
        go_on(wide)
        assert (slide(wide), middle(wide)) == ("a.png", place)
    with wide.qtbot.waitSignal(wide.window.session.plane_opened, timeout=WAIT):
        wide.key(Qt.Key.Key_N)
    assert (slide(wide), middle(wide)) == ("b.png", (3, 3))
    assert wide.window.slides.current() == "b.png"
    wide.key(Qt.Key.Key_N)
    wide.qtbot.waitUntil(lambda: "No proposal has a doubtful place left" in told(wide), timeout=WAIT)


def told(hand: "Hand") -> str:
    return " ".join(label.text() for label in hand.window.messages.findChildren(QLabel))


def test_what_was_in_view_for_half_a_second_is_looked_at(wide: "Hand") -> None:
    canvas = wide.window.canvas
    canvas.zoom_to(1.0)
    canvas.centerOn(192, 192)
    wide.qtbot.wait(200)
    canvas.centerOn(3.5 * 128, 10.5 * 128)  # the first was gone too soon
    wide.qtbot.wait(800)
    go_on(wide)
    assert middle(wide) == (1, 1)
    go_on(wide)
    assert middle(wide) == (6, 10)


def test_from_far_away_nothing_is_looked_at(wide: "Hand") -> None:
    wide.qtbot.wait(800)
    go_on(wide)
    assert middle(wide) == (1, 1)


def test_what_is_labelled_needs_no_look(wide: "Hand") -> None:
    wide.window.painting.set_brush_size(200)
    wide.drag((150, 192), (230, 192))
    go_on(wide)
    assert middle(wide) == (10, 3)


def test_another_folder_begins_anew(wide: "Hand", folder: Path, qtbot: QtBot) -> None:
    go_on(wide)
    here = wide.window.session.workspace.folder
    wide.open(folder)
    wide.open(here)
    wide.window.canvas.fit()
    go_on(wide)
    assert middle(wide) == (1, 1)


def test_a_place_is_left_out_once_more_than_half_of_it_is_labelled() -> None:
    labels = LabelPlane((256, 256))
    view = MaskView(labels, None)
    uncertainties = np.array([[0.5, 0.1], [0.01, 0.3]], np.float32)
    assert most_doubtful(view, uncertainties, frozenset()) == (0, 0)
    assert most_doubtful(view, uncertainties, frozenset({(0, 0)})) == (1, 1)
    half = np.full((128, 128), UNLABELLED, np.uint8)
    half[:60] = 0
    labels.write(Box(0, 0, 128, 128), half)
    assert most_doubtful(view, uncertainties, frozenset()) == (0, 0)
    half[:70] = 0
    labels.write(Box(0, 0, 128, 128), half)
    assert most_doubtful(view, uncertainties, frozenset()) == (1, 1)
    assert most_doubtful(view, uncertainties, frozenset({(0, 1), (1, 1)})) is None, "what is left is as good as certain"
