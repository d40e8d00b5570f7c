"""A file is written whole or not at all."""

import errno
import os
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from unet_studio.core.files import write_atomically
from unet_studio.errors import StudioError


def fail_with(number: int) -> Callable[..., None]:
    def fail(*_: object) -> None:
        raise OSError(number, os.strerror(number))

    return fail


def test_folders_are_made_and_files_replaced(tmp_path: Path) -> None:
    path = tmp_path / "größe" / "切片 😐" / "mask.png"
    write_atomically(path, b"first")
    write_atomically(path, b"second")
    assert path.read_bytes() == b"second"
    assert [file.name for file in path.parent.iterdir()] == ["mask.png"]


def test_the_longest_possible_name_can_be_written(tmp_path: Path) -> None:
    path = tmp_path / ("a" * 255)
    write_atomically(path, b"data")
    assert path.read_bytes() == b"data"


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no permission bits")
def test_others_may_read_what_the_umask_lets_them(tmp_path: Path) -> None:
    ordinary, ours = tmp_path / "ordinary", tmp_path / "ours"
    ordinary.write_bytes(b"")
    write_atomically(ours, b"")
    assert ours.stat().st_mode == ordinary.stat().st_mode


@pytest.mark.parametrize("step", ["fsync", "replace"])
@pytest.mark.parametrize(
    ("number", "said"),
    [
        (errno.ENOSPC, "the disk is full. Free some space"),
        (errno.EACCES, "there is no permission"),
        (errno.EROFS, "there is no permission"),
        (errno.EIO, "Check that the folder can be reached"),
    ],
)
def test_a_failure_is_said_and_leaves_the_old_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, step: str, number: int, said: str
) -> None:
    path = tmp_path / "mask.png"
    path.write_bytes(b"old")
    monkeypatch.setattr(os, step, fail_with(number))
    with pytest.raises(StudioError) as caught:
        write_atomically(path, b"new")
    monkeypatch.undo()
    assert said in str(caught.value)
    assert str(path) in str(caught.value)
    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]


def test_an_interruption_leaves_nothing_behind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupt(_: int) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(os, "fsync", interrupt)
    with pytest.raises(KeyboardInterrupt):
        write_atomically(tmp_path / "mask.png", b"new")
    assert list(tmp_path.iterdir()) == []


def test_a_file_in_place_of_a_folder_is_said(tmp_path: Path) -> None:
    (tmp_path / "masks").write_bytes(b"")
    with pytest.raises(StudioError, match="could not be written"):
        write_atomically(tmp_path / "masks" / "a.png", b"new")
