"""The view panel and the contrast panel alone: classes, overlay, and displays that no slide of the tests has."""

import numpy as np
import pytest
from PySide6.QtCore import QPoint, Qt
from PySide6.QtGui import QAction, QPalette
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from unet_studio.core.classes import make_classes
from unet_studio.core.figures.display import Display
from unet_studio.core.figures.histograms import measure_tones
from unet_studio.gui.controls.theme import apply_theme
from unet_studio.gui.panels.contrast_panel import ContrastPanel
from unet_studio.gui.panels.view_panel import ViewPanel

WIDTH = 288


@pytest.fixture
def view_panel(qtbot: QtBot) -> ViewPanel:
    outlines = QAction("Outlines")
    outlines.setCheckable(True)
    panel = ViewPanel(outlines)
    outlines.setParent(panel)
    qtbot.addWidget(panel)
    panel.set_classes(make_classes("nucleus", "debris"), 1)
    panel.show()
    return panel


@pytest.fixture
def contrast(qtbot: QtBot) -> ContrastPanel:
    panel = ContrastPanel()
    qtbot.addWidget(panel)
    panel.resize(WIDTH, 200)
    panel.show()
    return panel


def show(panel: ContrastPanel, pixels: np.ndarray) -> None:
    tones = measure_tones(pixels)
    panel.open_plane(tones.display)
    panel.set_tones(tones)
    QApplication.processEvents()


def test_a_class_is_hidden_by_its_tick(view_panel: ViewPanel, qtbot: QtBot) -> None:
    classes = view_panel._list
    rect = classes.visualItemRect(classes.item(2))
    with qtbot.waitSignal(view_panel.overlay_changed) as changed:
        QTest.mouseClick(classes.viewport(), Qt.MouseButton.LeftButton, pos=QPoint(rect.left() + 9, rect.center().y()))
    assert changed.args == [0.45, frozenset({2})]


def test_the_overlay_is_set_by_keyboard(view_panel: ViewPanel, qtbot: QtBot) -> None:
    with qtbot.waitSignal(view_panel.overlay_changed):
        QTest.keyClick(view_panel._opacity, Qt.Key.Key_Home)
    assert view_panel.opacity == 0


def test_without_a_slide_there_is_nothing_to_adjust(contrast: ContrastPanel) -> None:
    assert not contrast.isEnabled()
    show(contrast, np.zeros((3, 3, 1), np.uint8))
    assert contrast.isEnabled()
    contrast.open_plane(Display())
    assert not contrast.isEnabled()


@pytest.mark.parametrize(
    "pixels",
    [
        np.full((5, 5, 1), 7, np.uint16),
        np.full((1, 9, 1), np.nan, np.float32),
        np.array([[[-3.4e38], [np.inf], [3.4e38]]], np.float32),
        np.linspace(-1e-9, 1e-9, 100, dtype=np.float32).reshape(10, 10, 1),
        np.zeros((4, 4, 64), np.uint8),
    ],
    ids=["constant", "nan", "ends of float", "tiny", "64 channels"],
)
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_odd_slides_are_drawn_within_the_panel(
    contrast: ContrastPanel, pixels: np.ndarray, scheme: str, qapp: QApplication
) -> None:
    apply_theme(qapp, "dark" if scheme == "dark" else "light")
    show(contrast, pixels)
    assert not contrast.grab().isNull()
    assert contrast.minimumSizeHint().width() <= WIDTH
    assert contrast.sizeHint().height() < 240
    asked: list[Display] = []
    contrast.display_changed.connect(asked.append)
    QTest.mouseClick(contrast._histogram, Qt.MouseButton.LeftButton, pos=QPoint(60, 70))
    (display,) = asked
    assert np.isfinite([display.channels[0].low, display.channels[0].high, display.channels[0].gamma]).all()


def test_auto_waits_for_the_histograms_of_the_new_plane(contrast: ContrastPanel) -> None:
    show(contrast, np.arange(100, dtype=np.uint16).reshape(10, 10, 1))
    assert contrast._automatic.isEnabled()
    contrast.open_plane(measure_tones(np.zeros((4, 4, 1), np.uint8)).display)
    assert not contrast._automatic.isEnabled()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_a_grey_histogram_stands_out_from_its_ground(contrast: ContrastPanel, scheme: str, qapp: QApplication) -> None:
    apply_theme(qapp, "dark" if scheme == "dark" else "light")
    show(contrast, np.arange(256, dtype=np.uint8).repeat(16).reshape(64, 64, 1))
    histogram = contrast._histogram
    drawn = histogram.grab().toImage().pixelColor(histogram.width() * 3 // 4, histogram.height() - 20)
    assert abs(drawn.lightness() - histogram.palette().color(QPalette.ColorRole.Base).lightness()) > 60
