"""What the propose panel asks for reaches the worker, and the next window remembers it."""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QCheckBox

from unet_studio.gui.window.main_window import MainWindow
from unet_studio.protocol.values import ProposeJob

if TYPE_CHECKING:
    from tests.gui.conftest import Hand


def box(window: MainWindow) -> QCheckBox:
    (found,) = window.propose_panel.findChildren(QCheckBox)
    return found


@pytest.fixture
def jobs(hand: "Hand", monkeypatch: pytest.MonkeyPatch) -> list[ProposeJob]:
    """What is asked of the worker, which has done it at once."""
    asked: list[ProposeJob] = []
    proposing = hand.window.tasks.proposing

    def request(job: ProposeJob) -> int:
        asked.append(job)
        return len(asked)

    monkeypatch.setattr(proposing.worker, "request", request)
    proposing.began.connect(lambda _: proposing._on_finished(len(asked), {}))
    return asked


def test_flips_are_asked_for_by_box_or_key_and_both_show_it(hand: "Hand", jobs: list[ProposeJob]) -> None:
    action = hand.window.actions_by_id["flips"]
    assert box(hand.window).text() == "Average over flips (eight times slower)"
    assert "Ctrl+Shift+P" in box(hand.window).toolTip()
    hand.key(Qt.Key.Key_P)
    QTest.keyClick(box(hand.window), Qt.Key.Key_Space)
    assert action.isChecked()
    hand.key(Qt.Key.Key_P)
    hand.key(Qt.Key.Key_P, Qt.KeyboardModifier.ShiftModifier)
    hand.key(Qt.Key.Key_P, Qt.KeyboardModifier.ControlModifier | Qt.KeyboardModifier.ShiftModifier)
    assert not box(hand.window).isChecked()
    hand.key(Qt.Key.Key_P)
    assert [job.flips for job in jobs] == [False, True, True, False]


def test_the_next_window_remembers_whether_flips_are_wanted(
    hand: "Hand", make_window: Callable[[], MainWindow], folder: Path
) -> None:
    box(hand.window).click()
    again = make_window()
    assert box(again).isChecked()
    assert again.actions_by_id["flips"].isChecked()
