"""The panel of retraining says what a round came to, and what went wrong on the way."""

from dataclasses import asdict

import pytest
from PySide6.QtGui import QAction
from PySide6.QtWidgets import QLabel
from pytestqt.qtbot import QtBot

from unet_studio.gui.activity import Activity
from unet_studio.gui.retrain_panel import RetrainPanel
from unet_studio.gui.retraining import Retraining, Round

HALVED = "There was not enough memory, so a step now takes 2 patch(es) of 256 × 256 pixels."


@pytest.fixture
def panel(qtbot: QtBot) -> RetrainPanel:
    widget = RetrainPanel(QAction("Retrain"))
    qtbot.addWidget(widget)
    widget.show()
    return widget


def a_round(number: int, note: str = "") -> Round:
    return Round(number, 12, 0.5 if number else None, 0.8, 10.0 * number, number == 0, "", note)


def shown(panel: RetrainPanel, text: str) -> bool:
    return any(label.text() == text and label.isVisible() for label in panel.findChildren(QLabel))


def test_what_went_wrong_in_a_round_is_said_until_the_next_training(panel: RetrainPanel) -> None:
    lines = sum(label.isVisible() for label in panel.findChildren(QLabel))
    panel.add_round(a_round(0))
    assert sum(label.isVisible() for label in panel.findChildren(QLabel)) == lines, "an empty line takes no room"
    panel.add_round(a_round(1, HALVED))
    assert shown(panel, HALVED)
    panel.add_round(a_round(2))
    assert shown(panel, HALVED), "what was halved stays halved"
    panel.begin(Activity("Retraining", lambda: None, panel))
    assert not shown(panel, HALVED)


def test_the_window_takes_a_round_as_the_worker_tells_it(qtbot: QtBot) -> None:
    retraining = Retraining()
    with qtbot.waitSignal(retraining.round_ended) as told:
        retraining._on_event(1, "round", asdict(a_round(1, HALVED)))
    assert told.args == [a_round(1, HALVED)]
