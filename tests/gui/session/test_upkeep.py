"""An open project is backed up in the background; what is wrong with it, or was put right, is told once."""

import sqlite3
from contextlib import closing
from pathlib import Path

import cv2
import numpy as np
import pytest
from pytestqt.qtbot import QtBot

from unet_studio.core.project.backups import back_up, find_backups
from unet_studio.core.project.damage import FILE
from unet_studio.core.project.store import PLACE_NAME, Project
from unet_studio.gui.controls.notice import Notice
from unet_studio.gui.window.main_window import MainWindow


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A slide that is held out."""
    monkeypatch.setattr("unet_studio.gui.session.upkeep._FIRST_MS", 50)
    monkeypatch.setattr("unet_studio.gui.session.upkeep._EVERY_MS", 50)
    cv2.imwrite(str(tmp_path / "a.png"), np.zeros((64, 64), np.uint8))
    with Project.open(tmp_path) as project:
        project.add_hold_out(["a.png"])
    return tmp_path


@pytest.fixture
def told() -> list[Notice]:
    return []


@pytest.fixture
def window(qtbot: QtBot, told: list[Notice]) -> MainWindow:
    window = MainWindow()
    window.session.notice.connect(told.append)
    qtbot.addWidget(window)
    return window


def test_an_open_project_is_backed_up(qtbot: QtBot, window: MainWindow, folder: Path, told: list[Notice]) -> None:
    assert window.session.open_folder(folder)
    qtbot.waitUntil(lambda: len(find_backups(folder / PLACE_NAME)) == 1)
    assert told == []


def test_what_makes_no_sense_is_told_once(qtbot: QtBot, window: MainWindow, folder: Path, told: list[Notice]) -> None:
    with closing(sqlite3.connect(folder / PLACE_NAME / FILE)) as store, store:
        store.execute("INSERT INTO plane (slide, plane, height, width) VALUES ('a.png', 0, 'high', 64)")
    assert window.session.open_folder(folder)
    qtbot.waitUntil(lambda: len(told) > 0)
    qtbot.wait(300)
    assert [notice.text.partition(":")[0] for notice in told] == ["What the project keeps of a.png is damaged in part"]


def test_a_damaged_project_opens_from_its_backup_and_says_so(
    window: MainWindow, folder: Path, told: list[Notice]
) -> None:
    back_up(folder / PLACE_NAME)
    file = folder / PLACE_NAME / FILE
    file.write_bytes(file.read_bytes()[:5000])
    assert window.session.open_folder(folder)
    assert window.session.workspace is not None
    assert window.session.workspace.judging.hold_out == {"a.png"}
    assert "has been put together again from its backup of" in told[0].text


def test_no_room_for_a_backup_is_told_and_the_project_stays_open(
    qtbot: QtBot, window: MainWindow, folder: Path, told: list[Notice]
) -> None:
    (folder / PLACE_NAME / "backups").write_text("a file where the folder should be")
    assert window.session.open_folder(folder)
    qtbot.waitUntil(lambda: len(told) > 0)
    assert "No backup of the project could be made" in told[0].text
    assert window.session.workspace is not None
