"""Comparing two mask sources, by real mouse and key events: what is seen where, and that painting goes on."""

from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np
import pytest
from PySide6.QtCore import QEvent, QObject, QPoint, QPointF, Qt
from PySide6.QtGui import QPaintEvent, QRegion, QWheelEvent
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QComboBox, QLabel, QToolButton, QWidget
from pytestqt.qtbot import QtBot

from unet_studio.core.labels.plane import PlaneId
from unet_studio.core.masks.proposal_writing import write_proposal
from unet_studio.core.masks.proposals import proposal_file, slide_stamp
from unet_studio.core.masks.sources import MaskSource, SourceKind
from unet_studio.gui.comparing.comparison import Comparison
from unet_studio.gui.comparing.modes import CompareMode
from unet_studio.gui.comparing.views import Divider
from unet_studio.gui.window.main_window import MainWindow

if TYPE_CHECKING:
    from tests.gui.conftest import Hand

SIZE = 128
OTHER_MODEL = "nuclei-histology"
SHIFT, ALT = Qt.KeyboardModifier.ShiftModifier, Qt.KeyboardModifier.AltModifier


def band(top: int) -> np.ndarray:
    """Probabilities of a band across the whole slide, 20 rows high."""
    probability = np.zeros((SIZE, SIZE), np.uint8)
    probability[top : top + 20] = 200
    return probability


def give_other_proposal(window: MainWindow, slide: str, probability: np.ndarray, channels: int = 1) -> None:
    """Put a proposal of a model that isn't the active one into the project."""
    workspace = window.session.workspace
    assert workspace is not None and workspace.active_model != OTHER_MODEL
    file = proposal_file(workspace.place, OTHER_MODEL, PlaneId(slide))
    values = np.repeat(probability[..., None], channels, axis=2)
    write_proposal(file, (SIZE, SIZE), channels, [(0, values)], stamp=slide_stamp(workspace.folder / slide))


def is_coloured(window: MainWindow, y: float, x: float, view: QWidget | None = None) -> bool:
    """Whether a pixel of the grey slide is seen in colour: a mask is over it."""
    shown = (view or window.canvas).viewport()  # type: ignore[union-attr, attr-defined]
    colour = shown.grab().toImage().pixelColor(window.canvas.mapFromScene(QPointF(x, y)))
    parts = (colour.red(), colour.green(), colour.blue())
    return max(parts) - min(parts) > 12


def told(widget: QWidget) -> str:
    """What a bar says."""
    return " ".join(label.text() for label in widget.findChildren(QLabel) if not label.isHidden())


def names(comparison: Comparison) -> tuple[str, ...]:
    """The names of the two sources that are seen."""
    return tuple(source.name for source in comparison.shown or ())


def divider(window: MainWindow) -> Divider:
    return window.canvas.viewport().findChild(Divider)  # type: ignore[return-value]


def choose(window: MainWindow, which: int, name: str) -> None:
    """Choose a source from the list of one of the two fields, by keys."""
    choice = window.comparison.bar.findChildren(QComboBox)[which]
    choice.setFocus()
    QTest.keyClick(choice, Qt.Key.Key_Home)
    while choice.currentText() != name:
        before = choice.currentIndex()
        QTest.keyClick(choice, Qt.Key.Key_Down)
        assert choice.currentIndex() > before, f"'{name}' isn't among the choices"


@pytest.fixture
def both(hand: "Hand", qtbot: QtBot) -> "Hand":
    """A hand at slide s1: proposed is the band 20…40 by the active and 80…100 by another model, labelled row 60."""
    hand.give_proposal("s1.png", band(20))
    give_other_proposal(hand.window, "s1.png", band(80))
    hand.drag((60, 8), (60, 120))
    qtbot.waitUntil(lambda: is_coloured(hand.window, 30, 10))
    return hand


# Nothing to compare


def test_a_slide_without_anything_says_so(hand: "Hand") -> None:
    hand.key(Qt.Key.Key_D)
    assert "neither labels nor a proposal" in told(hand.window.messages)
    assert hand.window.comparison.mode is None
    assert not hand.window.actions_by_id["compare"].isChecked()
    assert not hand.window.comparison.bar.isVisible()


def test_a_slide_with_only_labels_says_so(hand: "Hand") -> None:
    hand.drag((60, 8), (60, 120))
    hand.key(Qt.Key.Key_D, SHIFT)
    assert "only labels" in told(hand.window.messages)
    assert not hand.window.actions_by_id["compare_side"].isChecked()


def test_a_slide_with_one_proposal_says_whose(hand: "Hand") -> None:
    hand.give_proposal("s1.png", band(20))
    hand.key(Qt.Key.Key_D)
    assert "only the proposal of Nuclei, fluorescence" in told(hand.window.messages)


def test_labels_that_were_taken_back_are_none(hand: "Hand") -> None:
    hand.drag((60, 8), (60, 120))
    hand.key(Qt.Key.Key_Z, Qt.KeyboardModifier.ControlModifier)
    hand.give_proposal("s1.png", band(20))
    hand.key(Qt.Key.Key_D)
    assert hand.window.comparison.mode is None


def test_a_proposal_with_more_classes_than_the_project_is_left_out(hand: "Hand") -> None:
    hand.give_proposal("s1.png", band(20))
    give_other_proposal(hand.window, "s1.png", band(80), channels=3)
    hand.key(Qt.Key.Key_D)
    assert hand.window.comparison.mode is None


# Swipe


def test_swipe_shows_one_source_on_each_side(both: "Hand", qtbot: QtBot) -> None:
    window = both.window
    both.key(Qt.Key.Key_D)
    assert names(window.comparison) == ("mask", "proposal of Nuclei, stained histology")
    assert window.actions_by_id["compare"].isChecked()
    qtbot.waitUntil(lambda: is_coloured(window, 30, 20) and is_coloured(window, 90, 110))
    assert is_coloured(window, 60, 20) and not is_coloured(window, 90, 20)
    assert not is_coloured(window, 60, 110) and not is_coloured(window, 30, 110)


def test_the_same_key_shows_the_mask_again(both: "Hand", qtbot: QtBot) -> None:
    window = both.window
    both.key(Qt.Key.Key_D)
    both.key(Qt.Key.Key_D)
    assert window.comparison.mode is None
    assert not window.actions_by_id["compare"].isChecked()
    assert not window.comparison.bar.isVisible() and not divider(window).isVisible()
    qtbot.waitUntil(lambda: is_coloured(window, 30, 20) and is_coloured(window, 30, 110))
    assert is_coloured(window, 60, 110) and not is_coloured(window, 90, 110)


def test_the_divider_is_dragged(both: "Hand", qtbot: QtBot) -> None:
    window = both.window
    both.key(Qt.Key.Key_D)
    handle = divider(window)
    start = QPoint(handle.width() // 2, 200)
    QTest.mousePress(handle, Qt.MouseButton.LeftButton, pos=start)
    QTest.mouseMove(handle, start + QPoint(both.at(0, 100).x() - both.at(0, 64).x(), 0))
    QTest.mouseRelease(handle, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: is_coloured(window, 30, 90) and is_coloured(window, 90, 110))
    assert not is_coloured(window, 90, 90) and not is_coloured(window, 30, 110)
    assert both.labels()[60, 60] == 1 and (both.labels()[110] == 255).all()  # nothing was painted by that


def test_the_divider_moves_by_keys_and_stays_on_the_canvas(both: "Hand") -> None:
    window = both.window
    both.key(Qt.Key.Key_D)
    middle = divider(window).geometry().center().x()
    both.key(Qt.Key.Key_Left, ALT)
    assert divider(window).geometry().center().x() < middle
    both.key(Qt.Key.Key_Right, ALT)
    both.key(Qt.Key.Key_Right, ALT)
    assert divider(window).geometry().center().x() > middle
    for _ in range(60):
        both.key(Qt.Key.Key_Right, ALT)
    assert abs(divider(window).geometry().center().x() - window.canvas.viewport().width()) <= 1


def test_the_divider_keeps_its_place_when_the_slide_moves_below_it(both: "Hand", qtbot: QtBot) -> None:
    window = both.window
    both.key(Qt.Key.Key_D)
    qtbot.wait(50)
    place = divider(window).geometry()
    painted = _Painted(window.canvas.viewport())
    window.canvas.pan(60, 30)
    qtbot.waitUntil(lambda: painted.region.contains(window.canvas.viewport().rect().center()))
    assert divider(window).geometry() == place
    crossing = QRegion(place.adjusted(-80, 40, 80, -300)) - QRegion(place)
    assert (crossing - painted.region).isEmpty()  # what scrolling moved across the divider was painted anew


def test_painting_goes_on_beside_the_divider(both: "Hand", qtbot: QtBot) -> None:
    window = both.window
    both.key(Qt.Key.Key_D)
    both.drag((112, 10), (112, 120))
    assert both.labels()[112, 20] == 1 and both.labels()[112, 110] == 1
    QApplication.processEvents()
    assert is_coloured(window, 112, 20)
    assert not is_coloured(window, 112, 110)  # on this side only a proposal is shown
    both.saved()
    assert np.array_equal(both.stored("s1.png"), both.labels())


def test_labels_show_at_once_on_both_sides_where_both_show_labels(both: "Hand", qtbot: QtBot) -> None:
    window = both.window
    both.key(Qt.Key.Key_D)
    choose(window, 1, "labels")
    assert names(window.comparison) == ("mask", "labels")
    both.drag((112, 10), (112, 120))
    QApplication.processEvents()
    assert is_coloured(window, 112, 20) and is_coloured(window, 112, 110)
    both.key(Qt.Key.Key_Z, Qt.KeyboardModifier.ControlModifier)
    QApplication.processEvents()
    assert not is_coloured(window, 112, 20) and not is_coloured(window, 112, 110)


def test_the_key_that_hides_the_mask_hides_both(both: "Hand", qtbot: QtBot) -> None:
    window = both.window
    both.key(Qt.Key.Key_D)
    qtbot.waitUntil(lambda: is_coloured(window, 90, 110))
    QTest.keyPress(window.canvas, Qt.Key.Key_H)
    assert not is_coloured(window, 60, 20) and not is_coloured(window, 90, 110)
    QTest.keyRelease(window.canvas, Qt.Key.Key_H)
    assert is_coloured(window, 60, 20) and is_coloured(window, 90, 110)


def test_threshold_and_opacity_hold_for_both(both: "Hand", qtbot: QtBot) -> None:
    window = both.window
    both.key(Qt.Key.Key_D)
    qtbot.waitUntil(lambda: is_coloured(window, 30, 20) and is_coloured(window, 90, 110))
    window.session.set_threshold(0.95)
    qtbot.waitUntil(lambda: not is_coloured(window, 30, 20) and not is_coloured(window, 90, 110))
    assert is_coloured(window, 60, 20)


# Which sources


def test_what_one_side_shows_cannot_be_chosen_for_the_other(both: "Hand") -> None:
    window = both.window
    both.key(Qt.Key.Key_D)
    choice = window.comparison.bar.findChildren(QComboBox)[1]
    choice.setFocus()
    for _ in range(5):
        QTest.keyClick(choice, Qt.Key.Key_Up)
    assert names(window.comparison) == ("mask", "labels")


def test_all_sources_can_be_chosen(both: "Hand", qtbot: QtBot) -> None:
    window = both.window
    both.key(Qt.Key.Key_D)
    found = [source.name for source in window.comparison.sources]
    assert found == [
        "mask", "labels", "proposal of Nuclei, fluorescence", "proposal of Nuclei, stained histology"
    ]  # fmt: skip
    choose(window, 0, "proposal of Nuclei, fluorescence")
    qtbot.waitUntil(lambda: is_coloured(window, 30, 20))
    assert not is_coloured(window, 60, 20)
    choose(window, 0, "labels")
    qtbot.waitUntil(lambda: is_coloured(window, 60, 20))
    assert not is_coloured(window, 30, 20)


def test_another_part_of_the_program_chooses_the_sources(both: "Hand", qtbot: QtBot) -> None:
    comparison = both.window.comparison
    old, new = two_proposals(both)
    with qtbot.waitSignal(comparison.mode_changed):
        comparison.compare(old, new)
    assert comparison.mode is CompareMode.SWIPE
    assert comparison.shown == (old, new)
    qtbot.waitUntil(lambda: is_coloured(both.window, 30, 20) and is_coloured(both.window, 90, 110))


def two_proposals(hand: "Hand") -> tuple[MaskSource, MaskSource]:
    assert hand.window.session.workspace is not None
    active = hand.window.session.workspace.active_model
    return (
        MaskSource("proposal of Nuclei, fluorescence", SourceKind.PROPOSAL, active),
        MaskSource("proposal of Nuclei, stained histology", SourceKind.PROPOSAL, OTHER_MODEL),
    )


def test_the_next_slide_says_where_it_has_nothing_to_compare_and_going_back_compares_again(
    both: "Hand", qtbot: QtBot
) -> None:
    window = both.window
    both.key(Qt.Key.Key_D)
    choose(window, 1, "labels")
    window.canvas.setFocus()
    with qtbot.waitSignal(window.session.plane_opened):
        both.key(Qt.Key.Key_PageDown)
    assert "neither labels nor a proposal" in told(window.comparison.bar)
    assert not divider(window).isVisible() and window.comparison.shown is None
    both.drag((60, 8), (60, 120))
    QApplication.processEvents()
    assert is_coloured(window, 60, 20) and is_coloured(window, 60, 110)  # it is the plain mask again
    with qtbot.waitSignal(window.session.plane_opened):
        both.key(Qt.Key.Key_PageUp)
    assert names(window.comparison) == ("mask", "labels")
    assert divider(window).isVisible()


def test_a_proposal_that_arrives_while_comparing_can_be_chosen(hand: "Hand", qtbot: QtBot) -> None:
    window = hand.window
    give_other_proposal(window, "s1.png", band(80))
    hand.drag((60, 8), (60, 120))
    hand.key(Qt.Key.Key_D)
    assert len(window.comparison.sources) == 3
    hand.give_proposal("s1.png", band(20))
    assert len(window.comparison.sources) == 4
    qtbot.waitUntil(lambda: is_coloured(window, 30, 20))


def test_a_slide_that_turned_unreadable_ends_nothing(both: "Hand", qtbot: QtBot) -> None:
    window = both.window
    both.key(Qt.Key.Key_D)
    assert window.session.workspace is not None
    (window.session.workspace.folder / "s2.png").write_bytes(b"no slide")
    with qtbot.waitSignal(window.session.slide_failed):
        both.key(Qt.Key.Key_PageDown)
    assert not divider(window).isVisible() and window.comparison.bar.isVisible()
    with qtbot.waitSignal(window.session.plane_opened):
        both.key(Qt.Key.Key_PageUp)
    assert divider(window).isVisible()


def test_another_folder_starts_without_comparing(both: "Hand") -> None:
    both.key(Qt.Key.Key_D)
    assert both.window.session.workspace is not None
    both.open(both.window.session.workspace.folder)
    assert both.window.comparison.mode is None
    assert not both.window.actions_by_id["compare"].isChecked()


# Side by side


def test_side_by_side_shows_a_source_in_each_view(both: "Hand", qtbot: QtBot) -> None:
    window = both.window
    both.key(Qt.Key.Key_D, SHIFT)
    second = window.comparison.second_view
    assert window.actions_by_id["compare_side"].isChecked() and not window.actions_by_id["compare"].isChecked()
    assert second.isVisible() and not divider(window).isVisible()
    qtbot.waitUntil(lambda: is_coloured(window, 30, 110) and is_coloured(window, 90, 20, second))
    assert is_coloured(window, 60, 110) and not is_coloured(window, 90, 110)
    assert not is_coloured(window, 30, 20, second) and not is_coloured(window, 60, 20, second)
    both.key(Qt.Key.Key_D, SHIFT)
    assert not second.isVisible()


def same_place(window: MainWindow) -> bool:
    """Whether both views show the same part of the slide at the same zoom."""
    canvas, second = window.canvas, window.comparison.second_view
    return canvas.transform() == second.transform() and all(
        canvas.mapToScene(point) == second.mapToScene(point) for point in (QPoint(0, 0), QPoint(80, 90))
    )


@pytest.mark.parametrize(
    "move",
    [
        lambda window: window.canvas.zoom_to(5),
        lambda window: wheel(window.canvas.viewport(), 1),
        lambda window: wheel(window.comparison.second_view.viewport(), 2),
        lambda window: window.canvas.pan(80, 60),
        lambda window: window.resize(1500, 700),
        lambda window: window.canvas.fit(),
    ],
    ids=["zoom", "wheel", "wheel on the second", "pan", "resize", "fit"],
)
def test_both_views_move_together(both: "Hand", move: Callable[[MainWindow], None], qtbot: QtBot) -> None:
    window = both.window
    both.key(Qt.Key.Key_D, SHIFT)
    QApplication.processEvents()
    assert same_place(window)
    window.canvas.zoom_to(3)
    before = window.canvas.mapToScene(0, 0), window.canvas.zoom
    move(window)
    QApplication.processEvents()
    assert same_place(window)
    assert (window.canvas.mapToScene(0, 0), window.canvas.zoom) != before


def wheel(view: QWidget, steps: int) -> None:
    position = QPointF(100, 120)
    event = QWheelEvent(
        position, view.mapToGlobal(position), QPoint(), QPoint(0, 120 * steps), Qt.MouseButton.NoButton,
        Qt.KeyboardModifier.NoModifier, Qt.ScrollPhase.NoScrollPhase, False,
    )  # fmt: skip
    QApplication.sendEvent(view, event)


@pytest.mark.parametrize("button", [Qt.MouseButton.LeftButton, Qt.MouseButton.MiddleButton])
def test_a_drag_on_the_second_view_moves_the_slide_and_paints_nothing(both: "Hand", button: Qt.MouseButton) -> None:
    window = both.window
    labels = both.labels()
    both.key(Qt.Key.Key_D, SHIFT)
    window.canvas.zoom_to(6)
    before = window.canvas.mapToScene(0, 0)
    view = window.comparison.second_view.viewport()
    QTest.mousePress(view, button, pos=QPoint(150, 200))
    QTest.mouseMove(view, QPoint(120, 170))
    QTest.mouseRelease(view, button, pos=QPoint(120, 170))
    QTest.mouseMove(view, QPoint(20, 70))
    assert window.canvas.mapToScene(0, 0) == before + QPointF(5, 5)
    assert same_place(window)
    assert np.array_equal(both.labels(), labels)


def test_painting_on_the_canvas_goes_on_side_by_side(both: "Hand") -> None:
    window = both.window
    both.key(Qt.Key.Key_D, SHIFT)
    choose(window, 1, "labels")
    QApplication.processEvents()
    both.drag((112, 10), (112, 120))
    QApplication.processEvents()
    assert both.labels()[112, 60] == 1
    assert is_coloured(window, 112, 60) and is_coloured(window, 112, 60, window.comparison.second_view)


def test_the_bar_changes_the_way_and_ends_it(both: "Hand") -> None:
    window = both.window
    both.key(Qt.Key.Key_D)
    buttons = {button.text() or button.accessibleName(): button for button in window.comparison.bar.findChildren(
        QToolButton)}  # fmt: skip
    QTest.mouseClick(buttons["Side by side"], Qt.MouseButton.LeftButton)
    assert window.comparison.mode is CompareMode.SIDE and window.actions_by_id["compare_side"].isChecked()
    QTest.mouseClick(buttons["Swipe"], Qt.MouseButton.LeftButton)
    assert window.comparison.mode is CompareMode.SWIPE and not window.actions_by_id["compare_side"].isChecked()
    QTest.mouseClick(buttons["Stop comparing"], Qt.MouseButton.LeftButton)
    assert window.comparison.mode is None and not window.actions_by_id["compare"].isChecked()
    assert window.focusWidget() is window.canvas


class _Painted(QObject):
    """The region of a widget that was painted since."""

    def __init__(self, watched: QWidget) -> None:
        super().__init__(watched)
        self.region = QRegion()
        watched.installEventFilter(self)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if isinstance(event, QPaintEvent):
            self.region += event.region()
        return False
