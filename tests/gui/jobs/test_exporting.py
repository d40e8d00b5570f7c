"""An export from the window writes what is on the disk, or says why not."""

import sqlite3
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from pytestqt.qtbot import QtBot

from unet_studio.core.editing.strokes import Stroke
from unet_studio.core.exchange.exporting import ExportRequest, Format, Wanted
from unet_studio.core.exchange.mask_reading import read_mask
from unet_studio.core.labels.plane import PlaneId
from unet_studio.core.workspace.workspace import Workspace
from unet_studio.gui.controls.notice import Notice, NoticeKind
from unet_studio.gui.jobs.exporting import Exporting


@pytest.fixture
def workspace(folder: Path) -> Iterator[Workspace]:
    """A folder with a stroke on one slide."""
    opened = Workspace.open(folder)
    plane = PlaneId("s1.png")
    stroke = Stroke(opened.labels(plane, (128, 128)), plane, value=1, radius=5.0)
    stroke.extend((64.0, 64.0))
    edit = stroke.finish("dab", state=opened.state(plane))
    assert edit is not None
    opened.perform(edit, (128, 128))
    yield opened
    opened.close()


@pytest.fixture
def told(workspace: Workspace, tmp_path: Path, qtbot: QtBot) -> Callable[[], Notice]:
    """Export, wait for the end, and give what is said then."""

    def export() -> Notice:
        exporting, notices = Exporting(), []
        exporting.notice.connect(notices.append)
        with qtbot.waitSignal(exporting.ended):
            exporting.export(workspace, ExportRequest(tmp_path / "out", Format.PNG, states=Wanted.ANY))
        (notice,) = notices
        return notice

    return export


def test_what_was_painted_just_now_is_written_and_counted(told: Callable[[], Notice], tmp_path: Path) -> None:
    notice = told()
    assert notice.kind is NoticeKind.INFO
    assert notice.text in ("1 file written.", "1 file(s) written.")  # with the translation and without
    assert read_mask(tmp_path / "out" / "s1.png")[64, 64] == 1


def test_nothing_is_exported_without_the_last_strokes(
    told: Callable[[], Notice], workspace: Workspace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(workspace.journal, "flush", lambda _: False)
    notice = told()
    assert notice.kind is NoticeKind.WARNING
    assert "not written yet, so nothing was exported; export again" in notice.text
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (sqlite3.OperationalError("database is locked"), "Exporting failed (OperationalError: database is locked)"),
        (MemoryError(), "Exporting failed (the computer ran out of memory"),
        (ZeroDivisionError("division by zero"), "Exporting failed (ZeroDivisionError: division by zero)"),
        (OSError(28, "No space left on device"), "No space left on device"),
    ],
    ids=["locked", "memory", "bug", "full disk"],
)
def test_what_nobody_foresaw_ends_the_export_with_one_notice_and_a_traceback_in_the_log(
    workspace: Workspace,
    tmp_path: Path,
    qtbot: QtBot,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    error: Exception,
    said: str,
) -> None:
    def fail(*_: object) -> None:
        raise error

    monkeypatch.setattr("unet_studio.usecases.export.plan_export", fail)
    exporting, notices, activities = Exporting(), [], []
    exporting.notice.connect(notices.append)
    exporting.began.connect(activities.append)
    request = ExportRequest(tmp_path / "out", Format.PNG, states=Wanted.ANY)
    with qtbot.waitSignal(exporting.ended) as ended:
        exporting.export(workspace, request)
        assert exporting.is_busy
    assert ended.args == [0]
    assert not exporting.is_busy
    (notice,) = notices
    assert notice.kind is NoticeKind.ERROR
    assert said in notice.text
    (record,) = [record for record in caplog.records if record.exc_info]
    assert record.exc_info is not None and record.exc_info[1] is error

    monkeypatch.undo()
    with qtbot.waitSignal(exporting.ended) as ended:
        exporting.export(workspace, request)
    assert ended.args == [1], "the next one works"


def test_what_is_told_of_a_folder_that_was_closed_reaches_nobody(
    workspace: Workspace, tmp_path: Path, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    go_on, told = threading.Event(), []

    def wait(*_: object) -> tuple[()]:
        assert go_on.wait(10)
        return ()

    monkeypatch.setattr("unet_studio.usecases.export.plan_export", wait)
    exporting = Exporting()
    for signal in (exporting.notice, exporting.ended):
        signal.connect(told.append)
    exporting.export(workspace, ExportRequest(tmp_path / "out"))
    exporting.stop()
    assert not exporting.is_busy
    go_on.set()
    qtbot.wait(200)
    assert told == []


def test_files_of_others_are_replaced_once_a_person_says_so(workspace: Workspace, tmp_path: Path, qtbot: QtBot) -> None:
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "s1.png").write_text("of my own")
    exporting, notices = Exporting(), []
    exporting.notice.connect(notices.append)
    with qtbot.waitSignal(exporting.ended):
        exporting.export(workspace, ExportRequest(tmp_path / "out", Format.PNG, states=Wanted.ANY))
    (asked,) = notices
    assert asked.text.startswith("1 file")
    assert (tmp_path / "out" / "s1.png").read_text() == "of my own"
    with qtbot.waitSignal(exporting.ended):
        asked.action()
    assert read_mask(tmp_path / "out" / "s1.png")[64, 64] == 1
