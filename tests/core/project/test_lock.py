"""One window or command at a time writes to a project; a second one is told who holds it."""

import os
import sqlite3
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from unet_studio.core.project.lock import writing
from unet_studio.errors import ProjectError, ProjectInUseError, ProjectReadOnlyError

if TYPE_CHECKING:
    from tests.core.project.conftest import Elsewhere


def test_a_project_that_another_process_writes_is_refused_by_name_until_that_is_killed(
    tmp_path: Path, writing_elsewhere: "Elsewhere"
) -> None:
    with writing_elsewhere(tmp_path) as process:
        holder = rf"\(process {process.pid} on .+\)\. Close the other one"
        with pytest.raises(ProjectInUseError, match=holder), writing(tmp_path):
            pytest.fail("both may write")
        process.kill()  # SIGKILL: it gets no chance to tidy up
        assert process.wait() != 0
        with writing(tmp_path):
            pass


def test_two_windows_of_one_process_exclude_each_other_too(tmp_path: Path) -> None:
    with writing(tmp_path), pytest.raises(ProjectInUseError, match=f"process {os.getpid()} "), writing(tmp_path):
        pytest.fail("both may write")
    with writing(tmp_path):
        pass


def test_the_writer_is_named_in_a_folder_of_any_name(tmp_path: Path) -> None:
    place = tmp_path / "größe 50% #1"
    place.mkdir()
    with writing(place), pytest.raises(ProjectInUseError, match=f"process {os.getpid()} "), writing(place):
        pytest.fail("both may write")


def test_a_damaged_lock_is_said_to_hold_nothing(tmp_path: Path) -> None:
    (tmp_path / "in-use.sqlite").write_bytes(b"something else" * 1000)
    with pytest.raises(ProjectError, match="delete it and open the folder again") as caught, writing(tmp_path):
        pytest.fail("it is no lock")
    assert not isinstance(caught.value, ProjectInUseError)


def test_a_lock_that_may_only_be_read_is_not_called_in_use(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with writing(tmp_path):
        pass
    connect = sqlite3.connect
    read_only = {"uri": True, "timeout": 0.0, "isolation_level": None}
    monkeypatch.setattr(sqlite3, "connect", lambda file, **_: connect(f"{file.as_uri()}?mode=ro", **read_only))
    check_not_in_use(tmp_path, "attempt to write a readonly database")


def test_a_lock_on_a_full_disk_is_not_called_in_use(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    connect = sqlite3.connect

    def connect_to_full_disk(file: Path, **options: Any) -> sqlite3.Connection:
        connection = connect(file, **options)
        connection.execute("PRAGMA max_page_count = 1")  # SQLite's own error, as it comes where a file can't grow
        return connection

    monkeypatch.setattr(sqlite3, "connect", connect_to_full_disk)
    check_not_in_use(tmp_path, "database or disk is full")


def test_a_lock_in_a_folder_that_is_gone_is_not_called_in_use(tmp_path: Path) -> None:
    check_not_in_use(tmp_path / "gone", "unable to open database file")


def check_not_in_use(place: Path, said: str) -> None:
    with pytest.raises(ProjectReadOnlyError, match=said) as caught, writing(place):
        pytest.fail("it can't be written")
    assert not isinstance(caught.value, ProjectInUseError)
    assert "Free some space on its disk" in str(caught.value)
