"""Slides that are odd, or that change while they are open: shown as far as they can be, and nothing is lost."""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest
import tifffile
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QLabel
from pytestqt.qtbot import QtBot

from unet_studio.core.classes import UNLABELLED
from unet_studio.gui.window.main_window import MainWindow

if TYPE_CHECKING:
    from tests.gui.conftest import Hand

SIDE = 9000
ODD = {
    "one row": np.arange(200, dtype=np.uint8)[None, :],
    "one column": np.arange(200, dtype=np.uint8)[:, None],
    "one pixel": np.full((1, 1), 7, np.uint16),
    "nan and inf": np.where(np.eye(64) > 0, np.nan, np.where(np.eye(64, k=3) > 0, np.inf, -np.inf)).astype(np.float32),
    "all nan": np.full((40, 40), np.nan, np.float32),
    "constant": np.full((40, 40), 1234, np.uint16),
    "five channels": np.zeros((40, 40, 5), np.uint16),
}


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("name", ODD)
def test_odd_planes_are_shown_and_painted_without_a_word(
    hand: "Hand", tmp_path: Path, name: str, capfd: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "odd"
    folder.mkdir()
    pixels = ODD[name]
    extra = {"planarconfig": "contig", "photometric": "minisblack"} if pixels.ndim == 3 else {}
    tifffile.imwrite(folder / "odd.tif", pixels, **extra)
    hand.open(folder)
    hand.qtbot.waitUntil(lambda: bool(hand.window.canvas.slide_layer._images))
    hand.drag((0.5, 0.5), (0.5, 0.5))
    hand.window.canvas.zoom_to(8.0)
    hand.window.canvas.fit()
    hand.window.canvas.grab()
    assert hand.labels()[0, 0] == 1
    said = [line for line in capfd.readouterr().err.splitlines() if "propagateSizeHints" not in line]
    assert said == []


@pytest.fixture
def tiled(hand: "Hand", tmp_path: Path) -> "Hand":
    """A window on a slide so large that only what is in view has been read, and a second one."""
    folder = tmp_path / "tiled"
    folder.mkdir()
    for name in ("a.tif", "b.tif"):
        tifffile.imwrite(folder / name, np.zeros((SIDE, SIDE), np.uint8), tile=(256, 256))
    hand.open(folder)
    hand.qtbot.waitUntil(lambda: bool(hand.window.canvas.slide_layer._images))
    return hand


def notes(hand: "Hand") -> str:
    return " ".join(label.text() for label in hand.window.messages.findChildren(QLabel))


@pytest.mark.parametrize("how", ["shrunk", "garbled"])
def test_slide_that_turns_unreadable_while_open_keeps_its_labels(tiled: "Hand", tmp_path: Path, how: str) -> None:
    tiled.drag((1000, 1000), (1000, 1500))
    file = tmp_path / "tiled" / "a.tif"
    with file.open("r+b") as slide:
        if how == "shrunk":
            slide.truncate(5000)
        else:
            slide.seek(8)
            slide.write(b"\xff" * (file.stat().st_size - 8))
    tiled.window.canvas.zoom_to(2.0)
    if how == "shrunk":  # garbled pixels are still pixels
        tiled.qtbot.waitUntil(lambda: "labels are kept" in notes(tiled))
        assert "a.tif" in notes(tiled)
    tiled.drag((2048, 2048), (2048, 2060))
    assert tiled.labels()[1000, 1200] == 1 and tiled.labels()[2048, 2050] == 1
    tiled.saved()
    assert tiled.stored("a.tif", (SIDE, SIDE))[1000, 1200] == 1
    with tiled.qtbot.waitSignal(tiled.window.session.plane_opened):
        tiled.key(Qt.Key.Key_PageDown)
    assert (tiled.labels() == UNLABELLED).all()


def test_slide_that_vanishes_is_told_on_its_row_and_its_labels_come_back_with_it(
    tiled: "Hand", tmp_path: Path, make_window: Callable[[], MainWindow], qtbot: QtBot
) -> None:
    tiled.drag((1000, 1000), (1000, 1500))
    tiled.saved()
    file = tmp_path / "tiled" / "a.tif"
    kept = file.rename(tmp_path / "kept.tif")
    with tiled.qtbot.waitSignal(tiled.window.session.plane_opened):
        tiled.key(Qt.Key.Key_PageDown)
    with tiled.qtbot.waitSignal(tiled.window.session.slide_failed):
        tiled.key(Qt.Key.Key_PageUp)
    assert "a.tif" in notes(tiled) and "no longer there" in notes(tiled)
    kept.rename(file)
    with tiled.qtbot.waitSignal(tiled.window.session.plane_opened):
        tiled.key(Qt.Key.Key_PageDown)
    with tiled.qtbot.waitSignal(tiled.window.session.plane_opened):
        tiled.key(Qt.Key.Key_PageUp)
    assert tiled.labels()[1000, 1200] == 1


@pytest.mark.parametrize("tool", ["wand", "edge_lasso", "smart_brush"])
def test_tools_that_read_the_slide_say_when_they_can_not(
    tiled: "Hand", tool: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    from unet_studio.errors import SlideError

    plane = tiled.window.session.plane
    assert plane is not None

    def fail(*_: object, **__: object) -> None:
        raise SlideError("'a.tif' can't be read: it's no longer there; put it back.")

    monkeypatch.setattr(plane.reader, "read", fail)
    tiled.window.actions_by_id[tool].trigger()
    tiled.click(2000, 2000)
    assert "no longer there" in notes(tiled)
    assert not tiled.window.toolbox.is_under_way or tool == "edge_lasso"
    assert (tiled.labels() == UNLABELLED).all()
