"""The gallery shows the model's errors by kind and size; a click or Return leads to the place."""

from typing import TYPE_CHECKING

import numpy as np
import pytest
from PySide6.QtCore import Qt
from PySide6.QtGui import QImage
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QComboBox, QLabel, QListView, QPushButton

from unet_studio.core.scoring.object_errors import ErrorKind
from unet_studio.gui.panels.error_gallery import ErrorGallery

if TYPE_CHECKING:
    from tests.gui.conftest import Hand

WAIT = 20_000


def square(y: int, x: int, side: int) -> np.ndarray:
    mask = np.zeros((128, 128), np.uint8)
    mask[y : y + side, x : x + side] = 255
    return mask


@pytest.fixture
def gallery(hand: "Hand") -> ErrorGallery:
    """Two slides are reviewed: on the first a square was erased, on the second the proposal then changed."""
    window = hand.window
    hand.give_proposal("s1.png", square(20, 20, 12) | square(80, 80, 30))
    hand.key(Qt.Key.Key_E)
    window.painting.set_brush_size(40)
    hand.click(26, 26)
    for slide in ("s1.png", "s2.png"):
        if slide == "s2.png":
            hand.give_proposal("s2.png", square(60, 10, 20))
        with hand.qtbot.waitSignal(window.session.plane_opened, timeout=WAIT):
            hand.key(Qt.Key.Key_Return)
        hand.qtbot.waitUntil(lambda: window.session.workspace.unsaved.count == 0, timeout=WAIT)
    hand.give_proposal("s2.png", np.zeros((128, 128), np.uint8))
    window.actions_by_id["errors"].trigger()
    found = window.errors._gallery
    assert found is not None
    hand.qtbot.waitUntil(lambda: rows(found) != [], timeout=WAIT)
    yield found
    found.close()


def view(gallery: ErrorGallery) -> QListView:
    # The combo box has a list of its own.
    (found,) = [view for view in gallery.findChildren(QListView) if view.accessibleName() == "Errors"]
    return found


def rows(gallery: ErrorGallery) -> list[str]:
    model = view(gallery).model()
    return [model.index(row, 0).data() for row in range(model.rowCount())]


def test_the_largest_come_first_and_a_kind_can_be_chosen(gallery: ErrorGallery) -> None:
    assert rows(gallery) == ["missed, 400 px", "false, 144 px"]
    kinds = gallery.findChild(QComboBox)
    assert kinds.itemText(0) == "all kinds (2)"
    assert kinds.itemText(1 + list(ErrorKind).index(ErrorKind.FALSE)) == "false (1)"
    kinds.setFocus()
    QTest.keyClicks(kinds, "missed")
    assert rows(gallery) == ["missed, 400 px"]


def test_each_says_what_it_is_and_has_a_picture(gallery: ErrorGallery, hand: "Hand") -> None:
    index = view(gallery).model().index(0, 0)
    assert index.data(Qt.ItemDataRole.AccessibleTextRole) == "missed, 400 px · nucleus · s2.png"

    def has_white_line() -> bool:
        image: QImage = index.data(Qt.ItemDataRole.DecorationRole)
        pixels = image.convertToFormat(QImage.Format.Format_RGB32)
        values = np.frombuffer(pixels.constBits(), np.uint8).reshape(pixels.height(), pixels.width(), 4)
        return bool((values[..., :3] == 255).all(axis=2).sum() > 100)

    hand.qtbot.waitUntil(has_white_line, timeout=WAIT)


def test_a_click_leads_to_the_place_on_its_slide(gallery: ErrorGallery, hand: "Hand") -> None:
    assert hand.window.session.plane.id.slide == "s10.png"
    place = view(gallery).visualRect(view(gallery).model().index(1, 0)).center()
    with hand.qtbot.waitSignal(hand.window.session.plane_opened, timeout=WAIT):
        QTest.mouseClick(view(gallery).viewport(), Qt.MouseButton.LeftButton, pos=place)
    assert hand.window.session.plane.id.slide == "s1.png"
    assert hand.window.canvas._place.isVisible()
    assert hand.window.canvas._place._rect.getRect() == (20, 20, 12, 12)
    assert gallery.isVisible()


def test_keys_lead_there_too(gallery: ErrorGallery, hand: "Hand") -> None:
    gallery.activateWindow()
    QTest.qWaitForWindowActive(gallery)
    view(gallery).setFocus()
    view(gallery).setCurrentIndex(view(gallery).model().index(0, 0))
    with hand.qtbot.waitSignal(hand.window.session.plane_opened, timeout=WAIT):
        QTest.keyClick(view(gallery), Qt.Key.Key_Return)
    assert hand.window.session.plane.id.slide == "s2.png"


def test_it_can_be_brought_up_to_date(gallery: ErrorGallery, hand: "Hand") -> None:
    hand.give_proposal("s2.png", square(60, 10, 20))
    (button,) = [one for one in gallery.findChildren(QPushButton) if one.text() == "Compare again"]
    QTest.mouseClick(button, Qt.MouseButton.LeftButton)
    hand.qtbot.waitUntil(lambda: rows(gallery) == ["false, 144 px"], timeout=WAIT)
    assert button.isEnabled()


def test_where_nothing_is_reviewed_it_says_so(hand: "Hand") -> None:
    hand.window.actions_by_id["errors"].trigger()
    found = hand.window.errors._gallery
    assert found is not None

    def told() -> str:
        return " ".join(label.text() for label in found.findChildren(QLabel))

    hand.qtbot.waitUntil(lambda: "No error on reviewed planes" in told(), timeout=WAIT)
    found.close()


def test_it_closes_with_its_folder(gallery: ErrorGallery, hand: "Hand") -> None:
    hand.window.session.close_folder()
    QApplication.processEvents()
    assert hand.window.errors._gallery is None
