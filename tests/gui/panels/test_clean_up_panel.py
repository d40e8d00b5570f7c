"""The clean-up panel shows a recipe as it is, and every change comes out of it at once."""

import pytest
from PySide6.QtCore import Qt
from PySide6.QtGui import QAction
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QComboBox, QDoubleSpinBox, QPushButton, QSlider
from pytestqt.qtbot import QtBot

from unet_studio.core.classes import make_classes
from unet_studio.core.cleaning.steps import Step, parse_steps
from unet_studio.gui.panels.clean_up_panel import CleanUpPanel

CLASSES = make_classes("nucleus", "membrane")


@pytest.fixture
def tune(qapp: QApplication) -> QAction:
    return QAction("Tune the watershed", toolTip="Tune the watershed (Shift+C)")


@pytest.fixture
def panel(qtbot: QtBot, tune: QAction) -> CleanUpPanel:
    widget = CleanUpPanel(tune, QAction("Advise", tune))
    qtbot.addWidget(widget)
    widget.resize(320, 700)
    widget.show()
    return widget


def named(panel: CleanUpPanel, kind: type[QSlider] | type[QDoubleSpinBox], name: str) -> QSlider | QDoubleSpinBox:
    (found,) = [child for child in panel.findChildren(kind) if child.accessibleName() == name]
    return found


def test_any_recipe_is_shown_and_given_back_unchanged(panel: CleanUpPanel) -> None:
    steps = parse_steps(
        "open:2,fill-holes:0,remove-small:6000@1,watershed:1.25:0.125,watershed-distance:0:2@1,watershed-boundary:50:1@2,"
        "crf:2.5:10.25:0.125"
    )
    panel.set_recipe(steps, CLASSES)
    assert panel.steps() == steps


@pytest.mark.parametrize(
    ("name", "step"),
    [
        ("Watershed", Step("watershed", 1, height=0.1)),
        ("Watershed by distance", Step("watershed-distance", 1, height=1)),
        ("Watershed of boundaries", Step("watershed-boundary", 1, height=0.1)),
        ("Outlines of the slide (CRF)", Step("crf", 10, weight=3, colour=0.1)),
        ("Dilate", Step("dilate", 2)),
    ],
)
def test_a_step_is_added_from_the_menu(panel: CleanUpPanel, qtbot: QtBot, name: str, step: Step) -> None:
    panel.set_recipe((), CLASSES)
    (action,) = [action for action in panel._add.menu().actions() if action.text() == name]
    with qtbot.waitSignal(panel.steps_changed) as emitted:
        action.trigger()
    assert emitted.args == [(step,), True]


def test_both_numbers_of_a_watershed_are_changed_by_slider_and_by_text(panel: CleanUpPanel, qtbot: QtBot) -> None:
    panel.set_recipe(parse_steps("watershed:1:0.1"), CLASSES)
    with qtbot.waitSignal(panel.steps_changed) as emitted:
        QTest.keyClick(named(panel, QSlider, "Watershed: smoothing"), Qt.Key.Key_Right)
    assert emitted.args == [parse_steps("watershed:1.1:0.1"), True]
    height = named(panel, QDoubleSpinBox, "Watershed: height")
    height.setFocus()
    height.selectAll()
    with qtbot.waitSignal(panel.steps_changed) as emitted:
        QTest.keyClicks(height, height.locale().toString(0.25))
        QTest.keyClick(height, Qt.Key.Key_Return)
    assert panel.steps() == parse_steps("watershed:1.1:0.25")
    slider = named(panel, QSlider, "Watershed: height")
    assert isinstance(slider, QSlider)
    assert slider.value() == 25


def test_all_numbers_of_a_crf_are_changed_and_it_has_no_class(panel: CleanUpPanel) -> None:
    panel.set_recipe(parse_steps("crf:3:10:0.1"), CLASSES)
    for name in ("weight", "amount", "difference"):
        QTest.keyClick(named(panel, QSlider, f"Outlines of the slide (CRF): {name}"), Qt.Key.Key_Right)
    assert panel.steps() == parse_steps("crf:3.1:10.1:0.11")
    assert not any(box.isVisible() for box in panel.findChildren(QComboBox))


def test_no_step_is_wider_than_the_panel_whatever_the_classes_are_called(panel: CleanUpPanel) -> None:
    long = make_classes("mitochondrial outer membrane", "endoplasmic reticulum", "nucleus")
    panel.set_recipe(parse_steps("remove-small:5@1,watershed:1:0.1,watershed-boundary:1:0.1@2,crf:3:10:0.1"), long)
    assert panel.minimumSizeHint().width() <= 320


def tune_buttons(panel: CleanUpPanel) -> list[QPushButton]:
    return [button for button in panel.findChildren(QPushButton) if button.text() == "Tune on labels"]


def test_each_watershed_has_a_button_to_tune_it(panel: CleanUpPanel, tune: QAction, qtbot: QtBot) -> None:
    panel.set_recipe(parse_steps("open:2,watershed:1:0.1,watershed-boundary:1:0.1@2"), CLASSES)
    buttons = tune_buttons(panel)
    assert [button.accessibleName() for button in buttons] == [
        "Watershed: tune on labels", "Watershed of boundaries: tune on labels"
    ]  # fmt: skip
    assert all("Shift+C" in button.toolTip() for button in buttons)
    with qtbot.waitSignal(panel.tuning_asked) as asked:
        QTest.keyClick(buttons[1], Qt.Key.Key_Space)
    assert asked.args == ["watershed-boundary", 2]
    tune.setEnabled(False)
    assert not any(button.isEnabled() for button in buttons)


@pytest.mark.parametrize(
    ("recipe", "asked_for"),
    [("open:2,watershed-distance:1:2@1,watershed:1:0.1", ["watershed-distance", 1]), ("open:2", ["watershed", None])],
)
def test_the_first_watershed_is_tuned_or_one_that_is_to_come(
    panel: CleanUpPanel, qtbot: QtBot, recipe: str, asked_for: list[object]
) -> None:
    panel.set_recipe(parse_steps(recipe), CLASSES)
    with qtbot.waitSignal(panel.tuning_asked) as asked:
        panel.ask_tuning()
    assert asked.args == asked_for


def test_a_tuned_watershed_takes_its_place_and_is_kept(panel: CleanUpPanel, qtbot: QtBot) -> None:
    panel.set_recipe(parse_steps("watershed:1:0.1@1,open:2"), CLASSES)
    with qtbot.waitSignal(panel.steps_changed) as emitted:
        panel.take_watershed(parse_steps("watershed:2:0.05@1")[0])
    assert emitted.args == [parse_steps("watershed:2:0.05@1,open:2"), True]
    assert panel.steps() == emitted.args[0]


def test_a_dragged_slider_previews_and_keeps_when_let_go(panel: CleanUpPanel, qtbot: QtBot) -> None:
    panel.set_recipe(parse_steps("dilate:2"), CLASSES)
    slider = named(panel, QSlider, "Dilate: amount")
    assert isinstance(slider, QSlider)
    kept: list[bool] = []
    panel.steps_changed.connect(lambda _, keep: kept.append(keep))
    slider.setSliderDown(True)
    slider.setValue(5)
    slider.setValue(6)
    slider.setSliderDown(False)
    assert kept == [False, False, True]
    assert panel.steps() == (Step("dilate", 6),)
