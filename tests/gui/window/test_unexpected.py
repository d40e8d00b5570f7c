"""An exception that nobody foresaw is told, logged with its traceback, and doesn't end the window."""

import logging
import sys
import threading
from collections.abc import Iterator

import pytest
from pytestqt.qtbot import QtBot

from unet_studio.gui.background import Background
from unet_studio.gui.session.session import Session
from unet_studio.gui.window.unexpected import tell_unexpected


@pytest.fixture
def told(background: Background, monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    monkeypatch.setattr(sys, "excepthook", sys.excepthook)
    monkeypatch.setattr(threading, "excepthook", threading.excepthook)
    session = Session(background)
    sentences: list[str] = []
    session.notice.connect(lambda notice: sentences.append(notice.text))
    tell_unexpected(session)
    yield sentences


def fail() -> None:
    raise ZeroDivisionError("of the test")


def test_from_a_slot(told: list[str], caplog: pytest.LogCaptureFixture) -> None:
    try:
        fail()
    except ZeroDivisionError:
        sys.excepthook(*sys.exc_info())  # as Qt does with what escapes from a slot
    assert len(told) == 1 and "ZeroDivisionError: of the test" in told[0]
    (record,) = [record for record in caplog.records if record.levelno == logging.CRITICAL]
    assert record.exc_info is not None and record.exc_info[0] is ZeroDivisionError


def test_from_a_thread(told: list[str], qtbot: QtBot) -> None:
    thread = threading.Thread(target=fail)
    thread.start()
    thread.join()
    qtbot.waitUntil(lambda: len(told) == 1)
    assert "ZeroDivisionError: of the test" in told[0]


def test_from_background_work_that_has_nobody_to_tell(
    background: Background, told: list[str], qtbot: QtBot, caplog: pytest.LogCaptureFixture
) -> None:
    background.run("counting cells", fail, lambda _: None)
    qtbot.waitUntil(lambda: len(told) == 1)
    assert "counting cells failed (ZeroDivisionError: of the test)" in told[0]
    assert any(record.exc_info for record in caplog.records)
