"""A finished project where nothing can be written is looked at, as it was left; strokes wait until it can be again."""

import os
import shutil
import sqlite3
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import cv2
import numpy as np
import pytest

from unet_studio.core.classes import UNLABELLED
from unet_studio.core.editing.strokes import make_edit
from unet_studio.core.labels.edits import Edit
from unet_studio.core.labels.plane import PlaneId, PlaneState
from unet_studio.core.project import connection, store
from unet_studio.core.project.lock import writing
from unet_studio.core.project.store import PLACE_NAME, Project
from unet_studio.core.tiles import Box
from unet_studio.core.workspace.workspace import Workspace
from unet_studio.errors import ProjectError, ProjectPlaceError, ProjectReadOnlyError

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="there a folder can't be made read-only by its mode")
PLANE = PlaneId("a.png")
SHAPE = (64, 64)
NOBODY = 65534


def stroke(value: int) -> Edit:
    before, after = np.full(SHAPE, UNLABELLED, np.uint8), np.full(SHAPE, value, np.uint8)
    states = {"state_before": PlaneState.NEW, "state_after": PlaneState.CORRECTED}
    return make_edit(PLANE, Box.of_shape(SHAPE), before, after, "brush", **states)


@pytest.fixture
def folder() -> Iterator[Path]:
    """A folder that others may enter, with a slide whose first stroke is written."""
    with TemporaryDirectory() as temporary:
        Path(temporary).chmod(0o755)
        place = Path(temporary) / "slides"
        place.mkdir()
        cv2.imwrite(str(place / "a.png"), np.zeros(SHAPE, np.uint8))
        with Project.open(place) as project, writing(project.place):
            project.record(1, stroke(1), SHAPE)
        look(place)  # what is imported late is there now
        yield place


@contextmanager
def read_only(folder: Path) -> Iterator[None]:
    """Nothing in it can be written meanwhile, also by root."""
    paths = [folder, *folder.rglob("*")]
    modes = {path: path.stat().st_mode for path in paths}
    for path in paths:
        path.chmod(0o555 if path.is_dir() else 0o444)
    is_root = os.geteuid() == 0
    if is_root:
        os.seteuid(NOBODY)
    try:
        with pytest.raises(OSError):
            (folder / "x").touch()
        yield
    finally:
        if is_root:
            os.seteuid(0)
        for path, mode in modes.items():
            path.chmod(mode)


def look(folder: Path) -> tuple[str, int]:
    """Why the folder's project can only be looked at, and the label that it has."""
    workspace = Workspace.open(folder)
    try:
        values = np.unique(workspace.labels(PLANE, SHAPE).read(Box.of_shape(SHAPE)))
        assert len(values) == 1
        assert workspace.state(PLANE) is PlaneState.CORRECTED
        return workspace.read_only, int(values[0])
    finally:
        assert workspace.close()


def test_it_is_looked_at_and_nothing_is_written(folder: Path) -> None:
    before = {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    with read_only(folder):
        why, label = look(folder)
    assert label == 1
    assert "Nothing can be written in" in why and "can only be looked at" in why
    assert {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()} == before


def test_what_lay_in_the_log_alone_is_there_too(folder: Path, tmp_path: Path) -> None:
    place = folder / PLACE_NAME
    with Project.open(folder) as project:
        project.undo(1)
        project.record(2, stroke(3), SHAPE)
        shutil.copytree(place, tmp_path / "killed")  # while it is open: closing would empty the log
    shutil.rmtree(place)
    shutil.copytree(tmp_path / "killed", place)
    (place / "project.sqlite-shm").unlink()
    assert (place / "project.sqlite-wal").stat().st_size > 0
    with read_only(folder):
        assert look(folder)[1] == 3


def test_a_write_is_refused_and_not_made_in_a_copy(folder: Path) -> None:
    with read_only(folder), Project.open(folder) as project:
        assert project.read_only
        with pytest.raises(Exception, match="readonly database"):
            project.record(2, stroke(2), SHAPE)
        with pytest.raises(ProjectReadOnlyError), writing(project.place):
            pytest.fail("it can't be written")


def test_a_folder_without_a_project_asks_for_another_place(folder: Path) -> None:
    shutil.rmtree(folder / PLACE_NAME)
    with read_only(folder), pytest.raises(ProjectPlaceError, match="Choose another place"):
        Project.open(folder)


def test_strokes_wait_while_nothing_can_be_written_and_are_saved_after(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    workspace = Workspace.open(folder)
    real = connection.connect

    def refuse(file: Path, **options: bool) -> object:
        raise PermissionError(13, "Permission denied")

    with monkeypatch.context() as patched:
        patched.setattr(store, "connect", refuse)
        workspace.perform(stroke(2), SHAPE)
        assert not workspace.journal.flush(0.5)
        assert "can only be looked at" in workspace.unsaved.state().problem
    assert store.connect is real
    assert workspace.journal.flush(10)
    assert workspace.close()
    assert look(folder) == ("", 2)


def test_a_damaged_one_is_called_damaged(folder: Path) -> None:
    file = folder / PLACE_NAME / "project.sqlite"
    content = bytearray(file.read_bytes())
    content[4096:] = b"\xaa" * (len(content) - 4096)
    file.write_bytes(content)
    with read_only(folder), pytest.raises(ProjectError, match=r"is damaged .* can't be put together again"):
        look(folder)


def test_one_of_a_newer_version_is_refused_there_too(folder: Path) -> None:
    with closing(sqlite3.connect(folder / PLACE_NAME / "project.sqlite")) as file:
        file.execute("PRAGMA user_version = 99")
    with read_only(folder), pytest.raises(ProjectError, match="was made by a newer U-Net Studio"):
        Project.open(folder)
