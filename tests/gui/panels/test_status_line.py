"""The status line has one height, whatever runs."""

from collections.abc import Iterator

import pytest
from PySide6.QtWidgets import QApplication

from tests.gui.conftest import Hand
from unet_studio.gui.controls.theme import apply_theme
from unet_studio.gui.jobs.activity import Activity
from unet_studio.gui.panels.activity_row import ActivityRow


@pytest.fixture
def themed(qapp: QApplication) -> Iterator[None]:
    apply_theme(qapp, "light")
    yield
    apply_theme(qapp, "system")


@pytest.mark.usefixtures("themed")
def test_the_picture_stays_where_it_is_as_work_begins_and_ends(hand: Hand) -> None:
    window = hand.window
    before = window.canvas.geometry(), hand.at(64, 64)
    activity = Activity("Retraining", lambda: None, window)
    window.status_line.add_activity(activity)
    (row,) = window.status_line.findChildren(ActivityRow)
    hand.qtbot.waitUntil(row.isVisible)
    QApplication.processEvents()
    assert (window.canvas.geometry(), hand.at(64, 64)) == before
    activity.end()
    hand.qtbot.wait(20)
    assert (window.canvas.geometry(), hand.at(64, 64)) == before
