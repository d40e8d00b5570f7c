"""The message bar: the newest first, nothing lost that matters, everything reachable by keyboard."""

from unittest.mock import Mock

import pytest
from PySide6.QtCore import Qt
from PySide6.QtGui import QAccessible
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QLabel, QListWidget, QPushButton, QToolButton

from unet_studio.gui.controls.notice import Notice, NoticeKind
from unet_studio.gui.panels import message_bar
from unet_studio.gui.panels.message_bar import MessageBar

_ERROR = Notice("3 slides can't be read.", NoticeKind.ERROR, details=("a.tif: empty", "b.tif: no TIFF", "c.tif: gone"))
_WARNING = Notice("The disk is nearly full.", NoticeKind.WARNING)


@pytest.fixture
def bar(qtbot) -> MessageBar:
    bar = MessageBar()
    qtbot.addWidget(bar)
    bar.resize(600, 40)
    return bar


def _button(bar: MessageBar, name: str) -> QToolButton | QPushButton:
    """The shown button with this text or accessible name."""
    buttons = [*bar.findChildren(QToolButton), *bar.findChildren(QPushButton)]
    (found,) = (each for each in buttons if each.isVisible() and name in (each.text(), each.accessibleName()))
    return found


def _click(bar: MessageBar, name: str) -> None:
    QTest.mouseClick(_button(bar, name), Qt.MouseButton.LeftButton)


def _shown(bar: MessageBar) -> list[str]:
    return [label.text() for label in bar.findChildren(QLabel) if label.isVisible() and label.text()]


def _rows(bar: MessageBar) -> list[str]:
    rows = bar.findChild(QListWidget)
    return [rows.item(row).text() for row in range(rows.count())] if rows.isVisible() else []


def test_it_is_there_only_while_it_has_something_to_say(bar: MessageBar) -> None:
    assert not bar.isVisible()

    bar.show_notice(_WARNING)
    assert bar.isVisible()
    assert _shown(bar) == [_WARNING.text]

    _click(bar, "Close the message")
    assert not bar.isVisible()


def test_the_button_does_what_the_notice_offers_and_dismisses_it(bar: MessageBar) -> None:
    action = Mock()
    bar.show_notice(_WARNING)
    bar.show_notice(Notice("The folder moved.", NoticeKind.ERROR, "Choose it again…", action))

    _click(bar, "Choose it again…")

    action.assert_called_once_with()
    assert _shown(bar) == [_WARNING.text]


def test_a_second_button_does_the_other_thing_and_dismisses_it_too(bar: MessageBar) -> None:
    action, other = Mock(), Mock()
    notice = Notice("It is worse.", NoticeKind.WARNING, "Use it", action, other_text="Train longer", other=other)
    bar.show_notice(notice)

    _click(bar, "Train longer")

    other.assert_called_once_with()
    action.assert_not_called()
    assert not bar.isVisible()
    bar.show_notice(Notice("The folder moved.", NoticeKind.WARNING, "Choose it again…", action))
    assert not any(button.isVisible() and button.text() == "Train longer" for button in bar.findChildren(QPushButton))


def test_an_action_may_say_something_itself(bar: MessageBar) -> None:
    bar.show_notice(Notice("Stopped.", NoticeKind.INFO, "Try again", lambda: bar.show_notice(_ERROR)))

    _click(bar, "Try again")

    assert _shown(bar) == [_ERROR.text]


def test_details_unfold_in_one_list(bar: MessageBar) -> None:
    bar.show_notice(_ERROR)
    assert _rows(bar) == []

    _click(bar, "3 more")
    assert _rows(bar) == list(_ERROR.details)

    _click(bar, "3 more")
    assert _rows(bar) == []


def test_older_notices_come_after_the_details_and_can_be_brought_forward(bar: MessageBar) -> None:
    action = Mock()
    bar.show_notice(Notice("The folder moved.", NoticeKind.WARNING, "Choose it again…", action))
    bar.show_notice(_ERROR)
    _click(bar, "4 more")
    assert _rows(bar) == [*_ERROR.details, "The folder moved."]

    rows = bar.findChild(QListWidget)
    rows.setFocus()
    rows.setCurrentRow(3)
    QTest.keyClick(rows, Qt.Key.Key_Return)

    assert _shown(bar) == ["The folder moved."]
    assert _rows(bar) == [_ERROR.text]
    _click(bar, "Choose it again…")
    action.assert_called_once_with()


def test_a_detail_is_only_to_be_read(bar: MessageBar) -> None:
    bar.show_notice(_ERROR)
    _click(bar, "3 more")

    rows = bar.findChild(QListWidget)
    rows.setCurrentRow(0)
    QTest.keyClick(rows, Qt.Key.Key_Return)

    assert _shown(bar) == [_ERROR.text]


def test_the_list_is_as_high_as_its_rows(bar: MessageBar, qtbot) -> None:
    bar.show_notice(
        Notice("2 slides can't be read.", NoticeKind.ERROR, details=("a.tif: empty", "b.tif: " + "why " * 60))
    )
    _click(bar, "2 more")

    rows = bar.findChild(QListWidget)
    qtbot.waitUntil(lambda: rows.height() > 3 * rows.fontMetrics().height())
    assert rows.visualItemRect(rows.item(1)).bottom() < rows.viewport().height()


def test_many_details_scroll(bar: MessageBar) -> None:
    bar.show_notice(Notice("Many.", NoticeKind.ERROR, details=tuple(f"{n}.tif: empty" for n in range(500))))
    _click(bar, "500 more")

    assert bar.findChild(QListWidget).height() < 200


def test_the_same_twice_counts_once_and_the_last_is_kept(bar: MessageBar) -> None:
    bar.show_notice(_ERROR)
    bar.show_notice(Notice(_ERROR.text, NoticeKind.ERROR, details=("d.tif: empty",)))

    _click(bar, "1 more")
    assert _rows(bar) == ["d.tif: empty"]


def test_the_same_text_after_another_is_a_notice_of_its_own(bar: MessageBar) -> None:
    for notice in (_WARNING, _ERROR, _WARNING):
        bar.show_notice(notice)

    _click(bar, "2 more")
    assert _rows(bar) == [_ERROR.text, _WARNING.text]


def test_a_passing_note_goes_by_itself_and_the_rest_stays(qtbot, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(message_bar, "_INFO_MS", 20)
    monkeypatch.setattr(MessageBar, "underMouse", lambda _bar: False)
    bar = MessageBar()
    qtbot.addWidget(bar)
    bar.show_notice(Notice("Choose.", NoticeKind.INFO, "This", Mock()))
    bar.show_notice(_WARNING)
    bar.show_notice(Notice("12 masks exported."))
    assert _shown(bar) == ["12 masks exported."]

    qtbot.waitUntil(lambda: _shown(bar) == [_WARNING.text], timeout=2000)

    _click(bar, "1 more")
    assert _rows(bar) == ["Choose."]


def test_a_note_stays_while_the_mouse_is_over_it(bar: MessageBar, monkeypatch: pytest.MonkeyPatch) -> None:
    bar.show_notice(Notice("12 masks exported."))
    monkeypatch.setattr(bar, "underMouse", lambda: True)

    bar._expire()

    assert bar.isVisible()


def test_escape_closes_it(bar: MessageBar) -> None:
    bar.show_notice(_ERROR)

    QTest.keyClick(_button(bar, "Close the message"), Qt.Key.Key_Escape)

    assert not bar.isVisible()


def test_all_of_it_can_be_reached_by_tab(bar: MessageBar, qtbot) -> None:
    bar.show_notice(Notice("Stopped.", NoticeKind.ERROR, "Try again", Mock(), details=("why",)))
    bar.activateWindow()
    qtbot.waitUntil(bar.isActiveWindow)
    _click(bar, "1 more")
    _button(bar, "Try again").setFocus()

    met = []
    for _ in range(3):
        QTest.keyClick(bar.focusWidget(), Qt.Key.Key_Tab)
        met.append(bar.focusWidget())

    assert met == [_button(bar, "1 more"), _button(bar, "Close the message"), bar.findChild(QListWidget)]


def test_it_says_aloud_what_kind_it_is(bar: MessageBar, monkeypatch: pytest.MonkeyPatch) -> None:
    spoken = Mock()
    monkeypatch.setattr(QAccessible, "updateAccessibility", spoken)

    bar.show_notice(_ERROR)

    event = spoken.call_args.args[0]
    assert event.message() == f"Error: {_ERROR.text}"
    assert event.politeness() == QAccessible.AnnouncementPoliteness.Assertive
    assert bar.accessibleName() == f"Error: {_ERROR.text}"


def test_kinds_differ_in_shape_not_only_in_colour(bar: MessageBar) -> None:
    shapes = set()
    for kind in NoticeKind:
        bar.show_notice(Notice("Something.", kind))
        (shape,) = (label.pixmap().toImage() for label in bar.findChildren(QLabel) if not label.pixmap().isNull())
        shapes.add(tuple(shape.pixelColor(x, y).alpha() for x in range(20) for y in range(20)))
    assert len(shapes) == len(NoticeKind)


def test_a_text_is_never_taken_for_markup(bar: MessageBar) -> None:
    bar.show_notice(Notice("<b>a</b>.tif can't be read.", NoticeKind.ERROR))

    assert bar.findChildren(QLabel)[1].textFormat() == Qt.TextFormat.PlainText
