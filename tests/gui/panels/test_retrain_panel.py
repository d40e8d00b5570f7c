"""The panel of retraining says what a round came to, and what went wrong on the way."""

import math
import re
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pyqtgraph as pg
import pytest
import shiboken6
from PySide6.QtCore import QPoint, Qt, QTranslator
from PySide6.QtGui import QAction, QImage
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QLabel, QPushButton
from pytestqt.qtbot import QtBot

from tests.core.scoring.judging import better_than
from unet_studio.core.classes import make_classes
from unet_studio.core.project.store import Project
from unet_studio.core.scoring.gate import judge_model
from unet_studio.core.scoring.judgement import Judgement, Verdict
from unet_studio.core.scoring.lesson import Lesson
from unet_studio.gui.jobs.activity import Activity
from unet_studio.gui.jobs.retraining import Retraining
from unet_studio.gui.panels.retrain_panel import RetrainPanel
from unet_studio.gui.translation import install_translation
from unet_studio.gui.window.main_window import MainWindow
from unet_studio.protocol.values import Preparing, Retrained, Round

HALVED = "There was not enough memory, so a step now takes 2 patch(es) of 256 × 256 pixels."


@pytest.fixture
def english(qapp: QApplication) -> Iterator[None]:
    """The plurals of the English texts, as the program has them."""
    install_translation(qapp)
    yield
    for translator in qapp.findChildren(QTranslator):
        qapp.removeTranslator(translator)
        shiboken6.delete(translator)


@pytest.fixture
def panel(qtbot: QtBot, english: None) -> RetrainPanel:
    widget = RetrainPanel(QAction("Retrain"), QAction("Train longer"))
    qtbot.addWidget(widget)
    widget.show()
    return widget


def a_round(number: int, note: str = "") -> Round:
    return Round(number, 12, 0.5 if number else math.nan, 0.8, 10.0 * number, number == 0, note)


def scored(number: int, dice: float, *, kept: bool) -> Round:
    return replace(a_round(number), dice=dice, kept=kept)


def shown(panel: RetrainPanel, text: str) -> bool:
    return any(label.text() == text and label.isVisible() for label in panel.findChildren(QLabel))


def in_order(panel: RetrainPanel) -> list[str]:
    """What is said on the panel, from top to bottom."""
    labels = [label for label in panel.findChildren(QLabel) if label.isVisible()]
    QApplication.processEvents()  # that they are laid out
    return [label.text() for label in sorted(labels, key=lambda label: label.mapTo(panel, QPoint()).y())]


def buttons(panel: RetrainPanel) -> list[str]:
    return [button.text() for button in panel.findChildren(QPushButton) if button.isVisible()]


def numbers(panel: RetrainPanel) -> list[str]:
    return re.findall(r"\d+", " ".join([*buttons(panel), *in_order(panel)]))


def test_what_went_wrong_in_a_round_is_said_until_the_next_training(panel: RetrainPanel) -> None:
    panel.add_round(a_round(0))
    lines = len(in_order(panel))
    panel.add_round(a_round(1, HALVED))
    assert shown(panel, HALVED)
    assert len(in_order(panel)) == lines + 1, "an empty line takes no room"
    panel.add_round(a_round(2))
    assert shown(panel, HALVED), "what was halved stays halved"
    panel.begin(Activity("Retraining", lambda: None, panel))
    assert not shown(panel, HALVED)


def test_it_says_what_a_click_will_do(panel: RetrainPanel) -> None:
    (button,) = (button for button in panel.findChildren(QPushButton) if button.text() == "Retrain")
    assert button.accessibleName() == "Retrain"
    panel.set_lesson(Lesson(("It learns a and b from 2 slides.",), ("…",), teaching=2, held_out=2, judging=1))
    assert button.text() == button.accessibleName() == "Retrain on 2 slides"
    starts = "It starts from the active model and takes about a minute. Go on painting meanwhile."
    assert shown(panel, f"Judged on 1 of 2 held-out slides. {starts}")
    assert numbers(panel) == ["2", "1", "2"], "each is said once"
    panel.set_lesson(Lesson(teaching=1, held_out=1, judging=1))
    assert button.text() == "Retrain on 1 slide"
    assert shown(panel, f"Judged on 1 held-out slide. {starts}")
    panel.set_lesson(Lesson(advice=("Only 20 pixels.", "Review b.png."), teaching=1, held_out=1))
    assert shown(panel, "Only 20 pixels.\nReview b.png.")
    assert shown(panel, starts)
    panel.set_start(warm=False)
    assert button.text() == "Train a first model on 1 slide"
    assert shown(panel, "It starts from scratch and takes about a minute. Go on painting meanwhile.")
    panel.set_lesson(Lesson(refusal="Nothing is labelled yet."))
    assert button.text() == "Train a first model"
    assert shown(panel, "Nothing is labelled yet.")
    assert not any("It starts" in label.text() and label.isVisible() for label in panel.findChildren(QLabel))


def test_it_tells_the_rounds_that_are_kept_from_those_that_are_no_better(panel: RetrainPanel) -> None:
    panel.add_round(scored(0, 0.7, kept=True))
    assert shown(panel, "Dice before the first round: 0.700")
    panel.add_round(scored(1, 0.8, kept=True))
    panel.add_round(scored(2, 0.8, kept=True))  # equally good, but trained longer
    assert shown(panel, "Round 2 of 12: Dice 0.800")
    panel.add_round(scored(3, 0.75, kept=False))
    assert shown(panel, "Round 3 of 12: Dice 0.750, no better than the 0.800 of round 2")


def test_the_chart_has_room_for_all_rounds_from_the_first_on(panel: RetrainPanel) -> None:
    panel.begin(Activity("Retraining", lambda: None, panel))
    chart = panel.findChildren(pg.PlotWidget)[0]
    for number in (0, 1, 12):
        panel.add_round(a_round(number))
        (left, right), (bottom, top) = chart.viewRange()
        assert -1 < left <= 0 and 12 <= right < 13
        assert -0.1 < bottom <= 0 and 1 <= top < 1.1
    panel.add_round(replace(a_round(2), loss=3.0))
    assert chart.viewRange()[1][1] >= 3, "no loss is out of sight"


@pytest.mark.parametrize("better", [True, False])
def test_the_verdict_stands_before_what_is_said_of_the_next_training(panel: RetrainPanel, better: bool) -> None:
    rounds = (scored(0, 0.5, kept=True), scored(3, 0.9, kept=True))
    comparison = better_than("old", classes=2, better=better)
    trained = Retrained("m", "old", ("background", "foreground"), 5, rounds, comparison)
    panel.set_lesson(Lesson(("…",), ("…",), advice=("Review b.png.",), teaching=2))
    activity = Activity("Retraining", lambda: None, panel)
    panel.begin(activity)
    panel.add_round(rounds[0])
    activity.end()
    panel.finish(judge_model(trained, classes=trained.classes, rival="old"))
    verdict, in_use, figures, more, *rest = in_order(panel)
    assert verdict == ("The new model is better." if better else "The new model is worse.")
    assert in_use == ("It is in use." if better else "The one before stays in use.")
    assert figures.startswith("Dice 1.0000 on the hold-out" if better else "Dice 0.0000 on the hold-out")
    assert more == "Of 400 pixels that you corrected it has 95 % right."
    assert "Review b.png." in rest
    panel.set_active_model("m" if better else "old")
    assert in_order(panel)[1] == in_use
    panel.set_active_model("old" if better else "m")
    assert in_order(panel)[1] == ("Another model is in use now." if better else "You chose to use it nevertheless.")


def test_while_it_trains_nothing_is_said_of_other_trainings(panel: RetrainPanel, tmp_path: Path) -> None:
    panel.set_lesson(Lesson(advice=("Review b.png.",), teaching=2))
    panel.finish(Judgement(Verdict.FIRST, is_adopted=True, model="m"))
    assert in_order(panel)[:3] == ["This is the first model of this project.", "It is in use.", "Review b.png."]
    activity = Activity("Retraining", lambda: None, panel)
    panel.begin(activity)
    QImage(8, 8, QImage.Format.Format_RGB32).save(str(tmp_path / "preview.png"))
    panel.add_round(replace(scored(1, 0.8, kept=True), preview=str(tmp_path / "preview.png")))
    assert in_order(panel) == ["Round 1 of 12: Dice 0.800", ""], "the round and the picture"
    assert buttons(panel) == ["Stop and keep what was learned"]
    activity.end()
    panel.resize(300, 900)
    assert in_order(panel)[0] == "Review b.png.", "it failed"
    assert buttons(panel) == ["Retrain on 2 slides"]
    assert in_order(panel)[-1] == "Round 1 of 12: Dice 0.800", "but no picture"
    panel.forget_training()
    assert in_order(panel)[-1] != "Round 1 of 12: Dice 0.800"
    assert not any(chart.isVisible() for chart in panel.findChildren(pg.PlotWidget))


def test_a_round_without_anything_to_judge_has_a_dash_and_no_point(panel: RetrainPanel) -> None:
    panel.add_round(scored(0, math.nan, kept=True))
    assert shown(panel, "Dice before the first round: –")


def test_while_the_slides_are_read_it_says_which_one(panel: RetrainPanel) -> None:
    activity = Activity("Retraining", lambda: None, panel)
    panel.begin(activity)
    assert shown(panel, "Reading the labelled slides…")
    panel.show_preparing(Preparing("sub/a.tif", 3, 40))
    assert shown(panel, "Reading labelled plane 3 of 40: sub/a.tif")
    activity.end()
    assert not shown(panel, "Reading labelled plane 3 of 40: sub/a.tif"), "it was stopped before it began"


def test_the_window_trains_a_first_model_where_the_active_one_knows_other_classes(
    make_window: Callable[[], MainWindow], folder: Path, qtbot: QtBot
) -> None:
    window = make_window()
    with qtbot.waitSignal(window.session.plane_opened):
        window.open_folder(folder)
    QTest.mouseClick(window.canvas.viewport(), Qt.MouseButton.LeftButton)
    active = window.session.models.active()
    assert active is not None
    assert window.tasks.start_model() == active
    said = window.retrain_panel.findChildren(QLabel)
    assert any("starts from the active model" in label.text() for label in said)
    window.session.set_classes(make_classes("something", "else"))
    assert window.tasks.start_model() is None
    assert any("It starts from scratch" in label.text() for label in said)


def test_a_training_begins_once_what_was_painted_is_on_the_disk_or_says_why_not(
    make_window: Callable[[], MainWindow], folder: Path, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    window = make_window()
    with qtbot.waitSignal(window.session.plane_opened):
        window.open_folder(folder)
    QTest.mouseClick(window.canvas.viewport(), Qt.MouseButton.LeftButton)
    workspace = window.session.workspace
    assert workspace is not None
    with monkeypatch.context() as full_disk:
        full_disk.setattr(workspace.journal, "flush", lambda _: False)
        with qtbot.waitSignal(window.session.notice) as told:
            window.tasks.retrain()
    assert told.args is not None and "not written yet; retrain again" in told.args[0].text
    assert not window.tasks.is_busy
    (button,) = (b for b in window.retrain_panel.findChildren(QPushButton) if b.text().startswith("Retrain"))
    window.page.show_panel(window.retrain_panel)
    button.setFocus()
    assert window.focusWidget() is button
    with qtbot.waitSignal(window.tasks.retraining.began):
        QTest.mouseClick(button, Qt.MouseButton.LeftButton)
    assert window.focusWidget() is window.canvas, "the next key is for the slide, and stops or adds nothing"
    with Project.open(folder) as project:
        assert [plane.slide for plane in project.states()] == ["s1.png"]
    window.tasks.stop()  # or closing the window would ask


def test_the_window_takes_a_round_as_the_worker_tells_it(qtbot: QtBot) -> None:
    retraining = Retraining()
    with qtbot.waitSignal(retraining.round_ended) as told:
        retraining._on_event(1, a_round(1, HALVED))
    assert told.args == [a_round(1, HALVED)]
