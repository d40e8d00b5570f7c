"""Where a project's own disk takes nothing any more, all of it is saved in another place."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest

from unet_studio.core.classes import make_classes
from unet_studio.core.editing.strokes import Stroke
from unet_studio.core.labels.plane import PlaneId
from unet_studio.core.project import journal as journal_module
from unet_studio.core.project.store import Project
from unet_studio.core.tiles import Box
from unet_studio.core.workspace.workspace import Workspace
from unet_studio.errors import ProjectError

SHAPE = (64, 64)
WHOLE = Box.of_shape(SHAPE)
A = PlaneId("a.png")


def paint(workspace: Workspace, y: float) -> None:
    labels = workspace.labels(A, SHAPE)
    stroke = Stroke(labels, A, value=1, radius=3.0)
    stroke.extend((y, 32.0))
    edit = stroke.finish(f"dab {y:g}", state=workspace.state(A))
    assert edit is not None
    workspace.perform(edit, SHAPE, made=labels)


@pytest.fixture
def stuck(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Workspace]:
    """A folder with two dabs, one of which is stored, while another program keeps its project from being written."""
    monkeypatch.setattr(journal_module, "_RETRY_SECONDS", 0.01)
    with closing(Workspace.open(folder)) as workspace:
        paint(workspace, 10)
        assert workspace.journal.flush(10)
        with closing(sqlite3.connect(workspace.place / "project.sqlite")) as other:
            other.execute("BEGIN IMMEDIATE")
            paint(workspace, 40)
            yield workspace
            other.rollback()


def test_the_copy_has_what_is_stored_and_what_waits_and_can_go_on(stuck: Workspace, tmp_path: Path) -> None:
    (stuck.place / "models" / "mine").mkdir(parents=True)
    (stuck.place / "models" / "mine" / "card.toml").write_text("it is mine")
    place = tmp_path / "other disk" / "project"
    stuck.save_elsewhere(place)
    assert stuck.journal.pending == 1
    with closing(Workspace.open(stuck.folder, place=place)) as copy:
        assert copy.read_only == ""
        np.testing.assert_array_equal(copy.labels(A, SHAPE).read(WHOLE), stuck.labels(A, SHAPE).read(WHOLE))
        assert copy.next_undo is not None and copy.next_undo.sentence == "dab 40"
    assert (place / "models" / "mine" / "card.toml").read_text() == "it is mine"


def test_another_project_is_never_written_over(stuck: Workspace, tmp_path: Path) -> None:
    with Project.open(stuck.folder, place=tmp_path / "taken") as project:
        project.set_classes(make_classes("somebody"))
    with pytest.raises(ProjectError, match=r"is not empty\. Choose another folder"):
        stuck.save_elsewhere(tmp_path / "taken")
    with Project.open(stuck.folder, place=tmp_path / "taken") as project:
        assert [c.name for c in project.classes()] == ["background", "somebody"]
        assert project.states() == {}


def test_a_place_that_cannot_be_written_is_said(stuck: Workspace, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(ProjectError, match=r"can't be saved in .*Choose another place"):
        stuck.save_elsewhere(tmp_path / "file" / "project")
