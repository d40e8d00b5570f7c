"""A file is written whole or not at all."""

import errno
import os
import stat
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from unet_studio.core.files import is_plain_name, path_inside, publish_folder, write_atomically
from unet_studio.errors import PathError, StudioError


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


def calls_of(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, str]]:
    """The names of the files that are flushed, renamed and removed from now on, in order."""
    calls: list[tuple[str, str]] = []
    opened: dict[int, str] = {}
    open_, fsync, rename = os.open, os.fsync, os.rename

    def record_open(path: Path, *arguments: int, **options: int) -> int:
        descriptor = open_(path, *arguments, **options)
        opened[descriptor] = Path(path).name
        return descriptor

    def record_fsync(descriptor: int) -> None:
        calls.append(("flush", opened[descriptor]))
        fsync(descriptor)

    def record_rename(source: Path, target: Path) -> None:
        calls.append(("rename", Path(target).name))
        rename(source, target)

    monkeypatch.setattr(os, "open", record_open)
    monkeypatch.setattr(os, "fsync", record_fsync)
    monkeypatch.setattr(os, "rename", record_rename)
    return calls


def folder_of(path: Path, content: bytes) -> Path:
    (path / "sub").mkdir(parents=True)
    for name in ("a", "sub/b"):
        (path / name).write_bytes(content)
    return path


@pytest.mark.skipif(sys.platform == "win32", reason="Windows flushes no folder")
def test_a_folder_is_on_the_disk_before_and_after_it_gets_its_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    finished = folder_of(tmp_path / "models" / ".new.part", b"new")
    calls = calls_of(monkeypatch)
    publish_folder(finished, tmp_path / "models" / "new")
    *before, rename, after = calls
    assert sorted(before) == [("flush", ".new.part"), ("flush", "a"), ("flush", "b"), ("flush", "sub")]
    assert before[-1] == ("flush", ".new.part")
    assert (rename, after) == (("rename", "new"), ("flush", "models"))
    assert (tmp_path / "models" / "new" / "sub" / "b").read_bytes() == b"new"


def test_a_folder_takes_the_place_of_one_of_its_name(tmp_path: Path) -> None:
    folder_of(tmp_path / "new", b"old")
    (tmp_path / "new" / "c").write_bytes(b"old")
    publish_folder(folder_of(tmp_path / "part", b"new"), tmp_path / "new")
    assert sorted(path.name for path in (tmp_path / "new").rglob("*")) == ["a", "b", "sub"]
    assert (tmp_path / "new" / "a").read_bytes() == b"new"
    assert [path.name for path in tmp_path.iterdir()] == ["new"]


@pytest.mark.parametrize("number", [errno.EIO, errno.ENOSPC])
def test_a_folder_that_cannot_be_flushed_gets_no_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    finished = folder_of(tmp_path / "part", b"new")
    with monkeypatch.context() as patched:
        patched.setattr(os, "fsync", fail_with(number))
        with pytest.raises(OSError, match=os.strerror(number)):
            publish_folder(finished, tmp_path / "new")
    assert not (tmp_path / "new").exists()


@pytest.mark.skipif(sys.platform == "win32", reason="Windows flushes no folder")
def test_a_drive_that_flushes_no_folders_takes_one_all_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    finished = folder_of(tmp_path / "part", b"new")
    fsync = os.fsync

    def refuse_folders(descriptor: int) -> None:
        if stat.S_ISDIR(os.fstat(descriptor).st_mode):
            raise OSError(errno.EINVAL, os.strerror(errno.EINVAL))
        fsync(descriptor)

    with monkeypatch.context() as patched:
        patched.setattr(os, "fsync", refuse_folders)
        publish_folder(finished, tmp_path / "new")
    assert (tmp_path / "new" / "a").exists()


class TestPathInside:
    """A name that a file gave becomes a path inside its folder, or is refused."""

    @pytest.mark.parametrize("name", ["a.png", "sub/a.png", "größe/切片 😐.png", "..a", "a..", "a/./b", "sub//a.png"])
    def test_a_name_below_the_folder_is_its_path(self, tmp_path: Path, name: str) -> None:
        assert path_inside(tmp_path, name) == tmp_path / name

    @pytest.mark.parametrize("name", ["", ".", "..", "../a", "a/../../b", "a/..", "/etc/passwd", "//host/a", "a\0b"])
    def test_a_name_that_leads_elsewhere_is_refused(self, tmp_path: Path, name: str) -> None:
        for follows_links in (False, True):
            with pytest.raises(PathError):
                path_inside(tmp_path, name, follows_links=follows_links)

    @pytest.mark.skipif(sys.platform == "win32", reason="links need a right there")
    def test_a_link_that_leads_elsewhere_is_refused_unless_links_are_followed(self, tmp_path: Path) -> None:
        root, other = tmp_path / "root", tmp_path / "other"
        for folder in (root / "own", other):
            folder.mkdir(parents=True)
        (root / "link").symlink_to(other)
        (root / "within").symlink_to(root / "own")
        (root / "file.png").symlink_to(other / "file.png")
        (root / "circle").symlink_to(root / "circle")
        for name in ("link/a.png", "link", "file.png"):
            with pytest.raises(PathError, match="by a link"):
                path_inside(root, name)
            assert path_inside(root, name, follows_links=True) == root / name
        assert path_inside(root, "within/a.png") == root / "within/a.png"

    @pytest.mark.skipif(sys.platform == "win32", reason="links need a right there")
    def test_a_folder_may_itself_be_reached_by_a_link(self, tmp_path: Path) -> None:
        (tmp_path / "root").mkdir()
        (tmp_path / "link").symlink_to(tmp_path / "root")
        assert path_inside(tmp_path / "link", "a.png") == tmp_path / "link" / "a.png"


def test_a_plain_name_has_no_path_in_it() -> None:
    assert all(is_plain_name(name) for name in ("a", "retrained-001", "a b", "..a", "größe"))
    assert not any(is_plain_name(name) for name in ("", ".", "..", "a/b", "/a", "../a", "a/", "a\0"))
