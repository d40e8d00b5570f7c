"""An exception that nobody foresaw is told, logged with its traceback, and doesn't end the window."""

import logging
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from PySide6.QtCore import QPoint, Qt
from PySide6.QtGui import QDesktopServices, QGuiApplication
from PySide6.QtWidgets import QDialogButtonBox, QLabel, QPushButton, QWidget
from pytestqt.qtbot import QtBot

from unet_studio import __version__
from unet_studio.gui.background import Background
from unet_studio.gui.session.session import Session
from unet_studio.gui.window.unexpected import UnexpectedDialog, UnexpectedErrors
from unet_studio.log import log_folder


@pytest.fixture
def window(qtbot: QtBot) -> QWidget:
    window = QWidget()
    qtbot.addWidget(window)
    window.show()
    return window


@pytest.fixture
def session(background: Background, window: QWidget, monkeypatch: pytest.MonkeyPatch) -> Session:
    monkeypatch.setattr(sys, "excepthook", sys.excepthook)
    monkeypatch.setattr(threading, "excepthook", threading.excepthook)
    session = Session(background)
    UnexpectedErrors(session, window).install()
    return session


@pytest.fixture
def told(session: Session) -> Iterator[list[str]]:
    sentences: list[str] = []
    session.notice.connect(lambda notice: sentences.append(notice.text))
    yield sentences


def fail() -> None:
    raise ZeroDivisionError("of the test")


def fail_in_a_slot() -> None:
    try:
        fail()
    except ZeroDivisionError:
        sys.excepthook(*sys.exc_info())  # as Qt does with what escapes from a slot


@contextmanager
def shown(qtbot: QtBot, window: QWidget) -> Iterator[UnexpectedDialog]:
    """The dialog once it is there; closed at the end, if it isn't yet."""

    def find() -> UnexpectedDialog:
        dialog = window.findChild(UnexpectedDialog)
        assert dialog is not None and dialog.isVisible()
        return dialog

    qtbot.waitUntil(lambda: find() is not None)
    yield find()
    for dialog in window.findChildren(UnexpectedDialog):
        dialog.reject()
    qtbot.waitUntil(lambda: not window.findChildren(UnexpectedDialog))


def button(dialog: UnexpectedDialog, text: str) -> QPushButton:
    box = dialog.findChild(QDialogButtonBox)
    assert box is not None
    (found,) = [one for one in box.buttons() if one.text().replace("&", "") == text]
    assert isinstance(found, QPushButton)
    return found


def words(dialog: UnexpectedDialog) -> str:
    return " ".join(label.text() for label in dialog.findChildren(QLabel))


def test_from_a_slot_it_is_told_with_what_to_send_along(
    session: Session, window: QWidget, qtbot: QtBot, caplog: pytest.LogCaptureFixture
) -> None:
    fail_in_a_slot()
    with shown(qtbot, window) as dialog:
        assert "ZeroDivisionError: of the test" in words(dialog)
        assert "All that you did is saved. You can go on." in words(dialog)
        qtbot.mouseClick(button(dialog, "Copy details"), Qt.MouseButton.LeftButton)
        copied = QGuiApplication.clipboard().text()
        assert f"U-Net Studio {__version__}" in copied and "in fail_in_a_slot" in copied
        qtbot.keyClick(button(dialog, "Go on"), Qt.Key.Key_Return)
        qtbot.waitUntil(lambda: not window.findChildren(UnexpectedDialog))
    (record,) = [record for record in caplog.records if record.levelno == logging.CRITICAL]
    assert record.exc_info is not None and record.exc_info[0] is ZeroDivisionError


def test_what_comes_again_is_a_notice(session: Session, told: list[str], window: QWidget, qtbot: QtBot) -> None:
    fail_in_a_slot()
    fail_in_a_slot()
    with shown(qtbot, window):
        qtbot.waitUntil(lambda: len(told) == 1)
    fail_in_a_slot()
    qtbot.waitUntil(lambda: len(told) == 2)
    assert not window.findChildren(UnexpectedDialog)


def test_it_waits_for_the_end_of_a_stroke(session: Session, window: QWidget, qtbot: QtBot) -> None:
    qtbot.mousePress(window, Qt.MouseButton.LeftButton, pos=QPoint(5, 5))
    fail_in_a_slot()
    qtbot.wait(300)
    assert window.findChild(UnexpectedDialog) is None
    qtbot.mouseRelease(window, Qt.MouseButton.LeftButton, pos=QPoint(5, 5))
    with shown(qtbot, window) as dialog:
        assert "ZeroDivisionError" in words(dialog)


def test_what_is_not_saved_yet_is_said_and_followed(
    session: Session, window: QWidget, qtbot: QtBot, folder: Path
) -> None:
    session.open_folder(folder)
    workspace = session.workspace
    assert workspace is not None
    number = workspace.unsaved.begin("a review")
    fail_in_a_slot()
    with shown(qtbot, window) as dialog:
        assert "1 change(s) are not on the disk yet; saving goes on." in words(dialog)
        workspace.unsaved.end(number)
        qtbot.waitUntil(lambda: "All that you did is saved." in words(dialog))
    session.close_folder()


def test_the_log_is_a_click_away(
    session: Session, window: QWidget, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened: list[str] = []
    monkeypatch.setattr(QDesktopServices, "openUrl", lambda url: opened.append(url.toLocalFile()))
    fail_in_a_slot()
    with shown(qtbot, window) as dialog:
        qtbot.mouseClick(button(dialog, "Open the log"), Qt.MouseButton.LeftButton)
        assert opened == [log_folder().as_posix()] and dialog.isVisible()


def test_from_a_thread(session: Session, window: QWidget, qtbot: QtBot) -> None:
    thread = threading.Thread(target=fail)
    thread.start()
    thread.join()
    with shown(qtbot, window) as dialog:
        assert "ZeroDivisionError: of the test" in words(dialog)


def test_from_background_work_that_has_nobody_to_tell(
    background: Background, told: list[str], qtbot: QtBot, caplog: pytest.LogCaptureFixture
) -> None:
    background.run("counting cells", fail, lambda _: None)
    qtbot.waitUntil(lambda: len(told) == 1)
    assert "counting cells failed (ZeroDivisionError: of the test)" in told[0]
    assert any(record.exc_info for record in caplog.records)
