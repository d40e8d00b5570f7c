"""What a person waits for never waits behind what may take long, nor for the disk."""

import sqlite3
import threading
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from unet_studio.core.labels.plane import PlaneId
from unet_studio.core.project.store import PLACE_NAME

if TYPE_CHECKING:
    from conftest import Hand


@pytest.fixture
def busy(hand: "Hand") -> threading.Event:
    """More long jobs than there are threads for them, until the event is set."""
    done = threading.Event()
    for _ in range(4):
        hand.window.working.run("taking long", lambda: done.wait(20), lambda _: None)
    return done


def test_tiles_are_painted_and_slides_opened_beside_any_number_of_long_jobs(
    hand: "Hand", busy: threading.Event
) -> None:
    layer = hand.window.canvas.slide_layer
    with hand.qtbot.waitSignal(hand.window.session.plane_opened):
        hand.window.session.open_plane(PlaneId("s2.png"))
    hand.qtbot.waitUntil(lambda: layer.value_at(0, 0) is not None)
    assert not busy.is_set()
    busy.set()


def test_a_window_on_a_locked_project_opens_slides_and_paints_at_once(hand: "Hand", folder: Path) -> None:
    hand.saved()
    with closing(sqlite3.connect(folder / PLACE_NAME / "project.sqlite")) as other:
        other.execute("BEGIN IMMEDIATE")
        hand.drag((40, 20), (40, 60))
        for slide in ("s2.png", "s1.png"):
            with hand.qtbot.waitSignal(hand.window.session.plane_opened, timeout=900):
                hand.window.session.open_plane(PlaneId(slide))
        assert hand.labels()[40, 40] == 1
        other.rollback()
    hand.qtbot.waitUntil(lambda: hand.window.session.workspace.journal.pending == 0, timeout=20000)
