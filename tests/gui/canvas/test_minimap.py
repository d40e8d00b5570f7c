"""The minimap: when it is there, what it shows, and that a click or a drag in it moves the view."""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import cv2
import numpy as np
import pytest
from PySide6.QtCore import QEvent, QObject, QPoint, QRect, Qt
from PySide6.QtTest import QTest
from pytestqt.qtbot import QtBot

from unet_studio.core.figures.display import ChannelView, Display
from unet_studio.core.slides.reader import Pixels, SlideInfo, SlideReader
from unet_studio.core.tiles import Box
from unet_studio.errors import SlideError
from unet_studio.gui.background import Background
from unet_studio.gui.canvas.canvas import Canvas
from unet_studio.gui.canvas.minimap import Minimap
from unet_studio.gui.window.main_window import MainWindow

if TYPE_CHECKING:
    from tests.gui.conftest import Hand

GREY = Display((ChannelView(0, 255),))


class Drawn(SlideReader):
    """A slide of any size, black above and white below; it counts what is read of it."""

    def __init__(self, height: int, width: int, problem: str = "") -> None:
        super().__init__(Path("drawn"), SlideInfo(1, height, width, 1, np.dtype(np.uint8), None))
        self.asked: list[tuple[Box, int]] = []
        self._problem = problem

    def _read(self, plane: int, box: Box, shrink: int) -> Pixels:
        if self._problem:
            raise SlideError(self._problem)
        self.asked.append((box, shrink))
        rows = np.arange(box.y0, box.y1) * shrink < self.info.height / 2
        return np.broadcast_to(np.where(rows, 0, 255).astype(np.uint8)[:, None, None], (*box.shape, 1)).copy()

    def _release(self) -> None:
        pass


class Repaints(QObject):
    """Counts how often a widget is painted."""

    def __init__(self, watched: QObject) -> None:
        super().__init__(watched)
        self.count = 0
        watched.installEventFilter(self)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        self.count += event.type() == QEvent.Type.Paint
        return False


@pytest.fixture
def canvas(background: Background, qtbot: QtBot) -> Canvas:
    canvas = Canvas(background)
    qtbot.addWidget(canvas)
    canvas.resize(640, 640)
    canvas.show()
    qtbot.waitExposed(canvas)
    return canvas


@pytest.fixture
def show(canvas: Canvas, background: Background) -> Callable[[SlideReader], Minimap]:
    """Show a slide on canvas and minimap, zoomed in 8 times."""
    minimap = Minimap(canvas, background)

    def show_slide(reader: SlideReader) -> Minimap:
        canvas.show_plane(reader, 0, GREY, None)
        minimap.show_plane(reader, 0, GREY)
        canvas.zoom_to(canvas.zoom * 8)
        return minimap

    return show_slide


def in_view(canvas: Canvas) -> QPoint:
    """The pixel of the slide in the middle of the view."""
    return canvas.mapToScene(canvas.viewport().rect().center()).toPoint()


def brightness(minimap: Minimap, point: QPoint) -> int:
    return minimap.grab().toImage().pixelColor(point).value()


def test_it_is_there_while_part_of_the_plane_is_out_of_view(canvas: Canvas, show: Callable[..., Minimap]) -> None:
    minimap = show(Drawn(1000, 1000))
    assert minimap.isVisible()
    canvas.fit()
    assert not minimap.isVisible()
    canvas.pan(200, 0)
    assert minimap.isVisible()


def test_nothing_is_read_before_it_is_there(canvas: Canvas, show: Callable[..., Minimap]) -> None:
    reader = Drawn(1000, 1000)
    minimap = show(Drawn(500, 500))
    canvas.show_plane(None, 0, GREY, None)
    canvas.fit()
    minimap.show_plane(None, 0, GREY)
    assert not minimap.isVisible()
    minimap.set_wanted(False)
    minimap.show_plane(reader, 0, GREY)
    assert not reader.asked


def test_it_lies_in_the_lower_right_corner_also_after_panning_and_resizing(
    canvas: Canvas, show: Callable[..., Minimap]
) -> None:
    minimap = show(Drawn(500, 1000))
    for change in (lambda: None, lambda: canvas.pan(240, 280), lambda: canvas.resize(500, 420)):
        change()
        corner = canvas.viewport().rect().bottomRight() - minimap.geometry().bottomRight()
        assert corner == QPoint(8, 8)
        assert max(minimap.width(), minimap.height()) <= 180
        assert minimap.width() == pytest.approx(2 * minimap.height(), abs=1)


def test_it_shows_the_plane_and_brightens_the_part_in_view(
    canvas: Canvas, show: Callable[..., Minimap], qtbot: QtBot
) -> None:
    minimap = show(Drawn(1000, 1000))
    qtbot.waitUntil(lambda: brightness(minimap, QPoint(10, 170)) > 100)
    assert brightness(minimap, QPoint(10, 10)) < 30
    canvas.centerOn(500, 900)
    assert brightness(minimap, minimap.view_rect().center()) > brightness(minimap, QPoint(10, 170))


def test_it_follows_the_contrast(show: Callable[..., Minimap], qtbot: QtBot) -> None:
    minimap = show(Drawn(1000, 1000))
    qtbot.waitUntil(lambda: brightness(minimap, QPoint(10, 170)) > 100)
    minimap.set_display(Display((ChannelView(254, 1000),)))
    assert brightness(minimap, QPoint(10, 170)) < 30


def test_a_click_brings_that_place_into_view(canvas: Canvas, show: Callable[..., Minimap]) -> None:
    minimap = show(Drawn(1000, 1000))
    QTest.mouseClick(minimap, Qt.MouseButton.LeftButton, pos=QPoint(45, 135))
    assert abs(in_view(canvas).x() - 250) < 10
    assert abs(in_view(canvas).y() - 750) < 10


def test_the_rectangle_is_dragged_from_where_it_is_held(canvas: Canvas, show: Callable[..., Minimap]) -> None:
    minimap = show(Drawn(1000, 1000))
    canvas.centerOn(500, 500)
    held = minimap.view_rect().topLeft() + QPoint(3, 3)
    QTest.mousePress(minimap, Qt.MouseButton.LeftButton, pos=held)
    assert abs(in_view(canvas).x() - 500) < 10  # taking hold of it moves nothing
    QTest.mouseMove(minimap, held + QPoint(36, 0))
    QTest.mouseRelease(minimap, Qt.MouseButton.LeftButton, pos=held + QPoint(36, 0))
    assert abs(in_view(canvas).x() - 700) < 10
    QTest.mouseMove(minimap, held)
    assert abs(in_view(canvas).x() - 700) < 10  # let go, it stays


def test_a_drag_out_of_it_stops_at_the_planes_edge(canvas: Canvas, show: Callable[..., Minimap]) -> None:
    minimap = show(Drawn(1000, 1000))
    QTest.mousePress(minimap, Qt.MouseButton.LeftButton, pos=QPoint(90, 90))
    QTest.mouseMove(minimap, QPoint(-4000, 90))
    assert abs(in_view(canvas).x()) < 10
    QTest.mouseRelease(minimap, Qt.MouseButton.LeftButton, pos=QPoint(-4000, 90))


@pytest.mark.parametrize("zoom", [0.5, 1, 64])
@pytest.mark.parametrize("centre", [(0, 0), (80_000, 100_000), (5000, 99_000), (-9000, 200_000)])
def test_the_rectangle_is_inside_and_large_enough_to_see(
    canvas: Canvas, show: Callable[..., Minimap], zoom: float, centre: tuple[int, int]
) -> None:
    minimap = show(Drawn(80_000, 100_000))
    canvas.zoom_to(zoom)
    canvas.centerOn(centre[1], centre[0])
    rect = minimap.view_rect()
    assert minimap.rect().contains(rect)
    assert min(rect.width(), rect.height()) >= 8


def test_of_a_huge_slide_it_reads_a_small_version_in_bands(show: Callable[..., Minimap], qtbot: QtBot) -> None:
    reader = Drawn(80_000, 100_000)
    minimap = show(reader)
    qtbot.waitUntil(lambda: brightness(minimap, QPoint(10, minimap.height() - 10)) > 100)
    bands = [box for box, shrink in reader.asked if shrink == 512]
    assert sum(box.height for box in bands) == 157  # each row once
    assert all(box.shape[0] <= 32 and box.width == 196 for box in bands)


@pytest.mark.parametrize("shape", [(1, 5000), (5000, 1), (1, 1)])
def test_narrow_planes_are_shown_wide_enough(
    canvas: Canvas, show: Callable[..., Minimap], qtbot: QtBot, shape: tuple[int, int]
) -> None:
    minimap = show(Drawn(*shape))
    canvas.zoom_to(64)
    canvas.pan(300, 200)
    qtbot.wait(20)
    assert min(minimap.width(), minimap.height()) >= 12
    minimap.grab()
    QTest.mouseClick(minimap, Qt.MouseButton.LeftButton, pos=QPoint(6, 6))
    assert minimap.rect().contains(minimap.view_rect())


def test_a_slide_that_can_no_longer_be_read_leaves_it_empty(
    canvas: Canvas, show: Callable[..., Minimap], qtbot: QtBot
) -> None:
    minimap = show(Drawn(1000, 1000, problem="'drawn' is no longer there."))
    qtbot.wait(50)
    assert brightness(minimap, QPoint(10, 170)) < 30
    QTest.mouseClick(minimap, Qt.MouseButton.LeftButton, pos=QPoint(45, 135))
    assert abs(in_view(canvas).x() - 250) < 10


# In the window


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = tmp_path / "slides"
    folder.mkdir()
    cv2.imwrite(str(folder / "a.png"), np.full((900, 900), 120, np.uint8))
    return folder


def test_a_key_hides_it_also_in_the_next_window(
    hand: "Hand", make_window: Callable[[], MainWindow], folder: Path
) -> None:
    hand.key(Qt.Key.Key_Plus)
    hand.key(Qt.Key.Key_Plus)
    assert hand.window.minimap.isVisible()
    assert hand.window.actions_by_id["minimap"].isChecked()
    hand.key(Qt.Key.Key_M)
    assert not hand.window.minimap.isVisible()
    hand.window.close()
    second = make_window()
    assert not second.actions_by_id["minimap"].isChecked()
    assert not second.minimap.is_wanted


def test_strokes_beside_it_paint_and_never_repaint_it(hand: "Hand", qtbot: QtBot) -> None:
    hand.window.canvas.zoom_to(2)
    minimap = hand.window.minimap
    qtbot.wait(100)
    repaints = Repaints(minimap)
    beside = minimap.geometry().topLeft() - QPoint(40, 40)
    scene = hand.window.canvas.mapToScene(beside)
    hand.drag((scene.y(), scene.x() - 50), (scene.y(), scene.x()))
    qtbot.wait(50)
    assert hand.labels()[int(scene.y()), int(scene.x()) - 20] == 1
    assert repaints.count == 0


def test_a_click_in_it_paints_nothing(hand: "Hand", qtbot: QtBot) -> None:
    hand.window.canvas.zoom_to(4)
    minimap = hand.window.minimap
    QTest.mouseClick(minimap, Qt.MouseButton.LeftButton, pos=QRect(minimap.rect()).center())
    assert (hand.labels() == 255).all()
    assert hand.window.session.workspace is not None
    assert hand.window.session.workspace.next_undo is None
