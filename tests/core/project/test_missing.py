"""A project that lost its store never opens as a new, empty one; a folder without a project does."""

import shutil
import time
from pathlib import Path

import numpy as np
import pytest

from unet_studio.core.classes import UNLABELLED
from unet_studio.core.editing.strokes import make_edit
from unet_studio.core.labels.plane import PlaneId, PlaneState
from unet_studio.core.project.backups import back_up
from unet_studio.core.project.damage import FILE
from unet_studio.core.project.journal import Journal, JournalState, Write
from unet_studio.core.project.lock import writing
from unet_studio.core.project.store import PLACE_NAME, Project
from unet_studio.core.tiles import Box
from unet_studio.errors import StoreMissingError

PLANE = PlaneId("a.png")
SHAPE = (100, 100)


def stroke(number: int) -> Write:
    box = Box(0, number, 100, number + 1)
    before, after = np.full(box.shape, UNLABELLED, np.uint8), np.ones(box.shape, np.uint8)
    states = {"state_before": PlaneState.NEW, "state_after": PlaneState.CORRECTED}
    edit = make_edit(PLANE, box, before, after, f"stroke {number}", **states)
    assert edit is not None
    return Write(edit.sentence, lambda project: project.record(number, edit, SHAPE), edit.planes)


def painted(folder: Path) -> list[int]:
    """The strokes that are in the labels."""
    with Project.open(folder) as project:
        labels = project.labels(PLANE, SHAPE).read(Box.of_shape(SHAPE))
        assert [entry.id for entry in project.history()] == np.flatnonzero(labels[0] == 1).tolist()
    return np.flatnonzero(labels[0] == 1).tolist()


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """The store of a project with one stroke."""
    with Project.open(tmp_path) as project:
        stroke(1).run(project)
    return tmp_path / PLACE_NAME / FILE


def test_a_folder_without_a_project_opens_without_a_word(tmp_path: Path) -> None:
    for _ in range(2):
        Project.open(tmp_path).close()
    (tmp_path / "other" / "models" / "x").mkdir(parents=True)  # a card without weights is nothing of a project
    (tmp_path / "other" / "models" / "x" / "card.toml").touch()
    (tmp_path / "other" / "masks").mkdir()
    Project.open(tmp_path, place=tmp_path / "other").close()


@pytest.mark.parametrize("beside", ["masks/a.png", "proposals/m/a.png/00000.tiles", "kept/m/x", "models/x/model.keras"])
def test_a_store_that_is_gone_is_said_where_other_files_are_there(tmp_path: Path, file: Path, beside: str) -> None:
    other = file.parent / beside
    other.parent.mkdir(parents=True)
    other.touch()
    file.unlink()
    with pytest.raises(StoreMissingError, match=rf"is missing in .*but other.*\({beside.split('/')[0]}\).*no backup"):
        Project.open(tmp_path)
    assert not file.exists()


def test_a_store_that_was_opened_to_be_written_is_missed(tmp_path: Path, file: Path) -> None:
    with writing(file.parent):
        pass
    file.unlink()
    with pytest.raises(StoreMissingError, match="in-use"):
        Project.open(tmp_path)


def test_an_empty_store_is_said_and_stays_as_it_is(tmp_path: Path, file: Path) -> None:
    file.write_bytes(b"")
    with pytest.raises(StoreMissingError, match="is empty: all"):
        Project.open(tmp_path)
    assert file.read_bytes() == b""


@pytest.mark.parametrize("leave_log", [False, True])
def test_what_is_advised_brings_a_project_back(tmp_path: Path, file: Path, leave_log: bool) -> None:
    backup = back_up(file.parent)
    assert backup is not None
    log = file.with_name(f"{FILE}-wal")
    with Project.open(tmp_path) as project:
        stroke(2).run(project)
        left = log.read_bytes()
    file.unlink()
    if leave_log:
        log.write_bytes(left)
    with pytest.raises(StoreMissingError) as caught:
        Project.open(tmp_path)
    assert f"copy 'backups/{backup.name}' there to '{FILE}'" in str(caught.value)
    assert (f"move '{log.name}' to another folder" in str(caught.value)) == leave_log
    if leave_log:
        shutil.move(log, tmp_path)
    shutil.copy(backup, file)
    assert painted(tmp_path) == [1]


def test_a_project_can_be_begun_anew_as_is_advised(tmp_path: Path, file: Path) -> None:
    file.write_bytes(b"")
    file.parent.rename(tmp_path / "old")
    assert painted(tmp_path) == []


# Under a running window


class Told:
    def __init__(self) -> None:
        self.states: list[JournalState] = []

    def __call__(self, state: JournalState) -> None:
        self.states.append(state)

    def wait_for_problem(self, words: str) -> None:
        deadline = time.monotonic() + 20
        while not any(words in state.problem for state in self.states):
            assert time.monotonic() < deadline, self.states
            time.sleep(0.005)


@pytest.fixture
def told() -> Told:
    return Told()


@pytest.fixture
def journal(tmp_path: Path, file: Path, told: Told, monkeypatch: pytest.MonkeyPatch) -> Journal:
    """A journal that wrote a second stroke."""
    monkeypatch.setattr("unet_studio.core.project.journal._RETRY_SECONDS", 0.02)
    started = Journal(lambda: Project.open(tmp_path, must_exist=True), told)
    started.submit(stroke(2))
    assert started.flush(10)
    return started


def test_a_store_that_is_removed_is_written_anew_with_all_that_was_in_it(
    tmp_path: Path, file: Path, journal: Journal
) -> None:
    for ending in ("", "-wal", "-shm"):
        file.with_name(file.name + ending).unlink()
    journal.submit(stroke(3))
    assert journal.close()
    assert painted(tmp_path) == [1, 2, 3]


def test_a_store_that_is_removed_while_nothing_is_painted_is_written_anew(
    tmp_path: Path, file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("unet_studio.core.project.journal._IDLE_SECONDS", 0.02)
    journal = Journal(lambda: Project.open(tmp_path, must_exist=True), lambda _: None)
    journal.submit(stroke(2))
    assert journal.flush(10)
    file.unlink()
    deadline = time.monotonic() + 20
    while not file.exists():
        assert time.monotonic() < deadline
        time.sleep(0.01)
    assert journal.close()
    assert painted(tmp_path) == [1, 2]


def test_strokes_wait_until_the_folder_is_back(tmp_path: Path, file: Path, journal: Journal, told: Told) -> None:
    file.parent.rename(tmp_path / "away")
    journal.submit(stroke(3))
    told.wait_for_problem("and so is all else")
    assert journal.pending == 1 and not file.parent.exists()
    (tmp_path / "away").rename(file.parent)
    assert journal.close()
    assert painted(tmp_path) == [1, 2, 3]


def test_strokes_wait_while_the_store_is_empty_and_are_written_once_it_is_back(
    tmp_path: Path, file: Path, journal: Journal, told: Told
) -> None:
    backup = back_up(file.parent)
    assert backup is not None
    with file.open("r+b") as opened:
        opened.truncate(0)
    journal.submit(stroke(3))
    told.wait_for_problem("project.sqlite'")
    assert journal.pending == 1
    for ending in ("-wal", "-shm"):
        file.with_name(file.name + ending).unlink(missing_ok=True)
    shutil.copy(backup, tmp_path / "copy")
    (tmp_path / "copy").replace(file)
    assert journal.close()
    assert painted(tmp_path) == [1, 2, 3]


def test_strokes_are_not_written_into_another_store(
    tmp_path: Path, file: Path, journal: Journal, told: Told, tmp_path_factory: pytest.TempPathFactory
) -> None:
    other = tmp_path_factory.mktemp("other")
    with Project.open(other) as project:
        stroke(3).run(project)  # of the same number as the next one here
    mine = tmp_path / "mine"
    file.rename(mine)
    for ending in ("-wal", "-shm"):
        file.with_name(file.name + ending).rename(tmp_path / f"mine{ending}")
    shutil.copy(other / PLACE_NAME / FILE, file)
    journal.submit(stroke(3))
    told.wait_for_problem("was replaced by another file")
    assert painted(tmp_path) == [3] and journal.pending == 1
    for ending in ("", "-wal", "-shm"):
        file.with_name(file.name + ending).unlink(missing_ok=True)
        if (tmp_path / f"mine{ending}").exists():
            (tmp_path / f"mine{ending}").rename(file.with_name(file.name + ending))
    assert journal.close()
    assert painted(tmp_path) == [1, 2, 3]


def test_a_file_system_that_numbers_its_files_anew_loses_nothing(
    tmp_path: Path, journal: Journal, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("unet_studio.core.project.held_store.StoreFile.is_same", lambda _: False)
    for number in (3, 4, 5):
        journal.submit(stroke(number))
    assert journal.close()
    assert painted(tmp_path) == [1, 2, 3, 4, 5]
