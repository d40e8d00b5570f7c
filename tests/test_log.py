"""The log of the window: a file for each start, whole and small, and never a reason that anything else fails."""

import errno
import faulthandler
import io
import logging
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from unet_studio import __version__, log


@pytest.fixture(autouse=True)
def settings_as_they_were(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    for name in ("enable", "disable"):  # pytest has it enabled already
        monkeypatch.setattr(faulthandler, name, lambda *_: None)
    root = logging.getLogger()
    handlers, level, raises = list(root.handlers), root.level, logging.raiseExceptions
    yield
    assert root.handlers == handlers, "it is given back at the end"
    root.setLevel(level)
    logging.raiseExceptions = raises


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name in ("XDG_STATE_HOME", "LOCALAPPDATA", "HOME"):
        monkeypatch.setenv(name, str(tmp_path))
    assert log.log_folder().is_relative_to(tmp_path)
    return log.log_folder()


def test_it_begins_with_the_versions_and_goes_on_with_what_is_said(place: Path) -> None:
    with log.keep_log() as file:
        assert file is not None and file.parent == place
        logging.getLogger("somebody").warning("a slide named 細胞 \udce9 is odd")
    first, second = file.read_text(encoding="utf-8").splitlines()
    assert f"U-Net Studio {__version__}, Python {sys.version.split()[0]}" in first
    assert second.endswith(r"WARNING somebody: a slide named 細胞 \udce9 is odd")


def test_old_logs_make_room_and_a_long_one_is_cut(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    place.mkdir(parents=True)
    for day in range(10, 30):
        (place / f"2026-01-{day}T00-00-00-1.log").write_text("old")
    (place / "mine.txt").write_text("not a log")
    monkeypatch.setattr(log, "_LARGEST", 2000)
    with log.keep_log() as file:
        assert file is not None
        assert len(log.log_files()) == 10 and log.log_files()[-1] == file
        assert log.log_files()[0].name.startswith("2026-01-21"), "the oldest went"
        for number in range(200):
            logging.getLogger("somebody").info("line %d of many", number)
    assert sum(one.stat().st_size for one in place.glob(f"{file.name}*")) <= 4000
    assert "line 199 of many" in file.read_text()
    assert (place / "mine.txt").exists()


def test_where_none_can_be_written_the_program_goes_on(place: Path) -> None:
    place.parent.mkdir(parents=True, exist_ok=True)
    place.write_text("in the way")
    with log.keep_log() as file:
        assert file is None
        assert log.log_files() == []
        logging.getLogger("somebody").warning("nobody reads this")


class FullDisk(io.StringIO):
    def write(self, _: str) -> int:
        raise OSError(errno.ENOSPC, "No space left on device")


def test_a_full_disk_is_no_error_of_the_log(
    place: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    with log.keep_log() as file:
        assert file is not None
        handler = logging.getLogger().handlers[-1]
        assert isinstance(handler, logging.FileHandler)
        with monkeypatch.context() as patch:
            patch.setattr(handler, "stream", FullDisk())
            logging.getLogger("somebody").warning("this fits nowhere")
    assert capsys.readouterr().err == ""


def test_a_crash_in_a_library_leaves_where_it_was(place: Path) -> None:
    crash = """
import ctypes
from unet_studio.log import keep_log
def draw():
    ctypes.string_at(0)
with keep_log():
    draw()
"""
    ended = subprocess.run([sys.executable, "-c", crash], env=dict(os.environ), capture_output=True, check=False)
    assert ended.returncode != 0
    (file,) = log.log_files()
    text = file.read_text(encoding="utf-8")
    assert "U-Net Studio" in text and "in draw" in text
