"""The journal writes in order and in its own thread; what the disk doesn't take waits, and nothing gets lost."""

import sqlite3
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from unet_studio.core.classes import UNLABELLED
from unet_studio.core.editing.strokes import make_edit
from unet_studio.core.labels.plane import PlaneId, PlaneState
from unet_studio.core.project import journal as journal_module
from unet_studio.core.project.journal import Journal, JournalState, Write
from unet_studio.core.project.store import PLACE_NAME, Project
from unet_studio.core.tiles import Box
from unet_studio.errors import ModelError

PLANE = PlaneId("slide.png")
SHAPE = (200, 200)
KEPT = "They are kept in memory and tried again."


class RecordedStates:
    """The states that a journal reported, and in which thread."""

    def __init__(self) -> None:
        self.states: list[JournalState] = []
        self.threads: set[str] = set()

    def __call__(self, state: JournalState) -> None:
        self.states.append(state)
        self.threads.add(threading.current_thread().name)

    @property
    def problems(self) -> list[str]:
        return [state.problem for state in self.states if state.problem]


@pytest.fixture(autouse=True)
def _retry_soon(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(journal_module, "_RETRY_SECONDS", 0.01)


@pytest.fixture
def told() -> RecordedStates:
    return RecordedStates()


Start = Callable[[Callable[[], Project]], Journal]


@pytest.fixture
def start(told: RecordedStates) -> Iterator[Start]:
    """Starts journals that are closed after the test."""
    started: list[Journal] = []

    def start_it(open_project: Callable[[], Project]) -> Journal:
        started.append(Journal(open_project, told))
        return started[-1]

    yield start_it
    for one in started:
        one.close(0.1)


@pytest.fixture
def journal(start: Start, tmp_path: Path) -> Journal:
    return start(lambda: Project.open(tmp_path))


def stroke(number: int) -> Write:
    """Record an edit that doesn't compress."""
    box = Box.of_shape(SHAPE)
    after = np.random.default_rng(number).integers(0, 250, SHAPE, dtype=np.uint8)
    before = np.full(SHAPE, UNLABELLED, np.uint8)
    states = {"state_before": PlaneState.NEW, "state_after": PlaneState.CORRECTED}
    edit = make_edit(PLANE, box, before, after, f"stroke {number}", **states)
    assert edit is not None
    return Write(edit.sentence, lambda project: project.record(number, edit, SHAPE), edit.planes)


def written(folder: Path) -> list[str]:
    with Project.open(folder) as project:
        return [entry.edit.sentence for entry in project.history()]


def failing(times: int, error: Exception, write: Write) -> Write:
    """Fails so many times, then does what it should."""
    left = [times]

    def attempt(project: Project) -> None:
        if left[0]:
            left[0] -= 1
            raise error
        write.run(project)

    return replace(write, run=attempt)


def wait_until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 10
    while not condition():
        assert time.monotonic() < deadline, "the condition never held"
        time.sleep(0.002)


def test_operations_are_written_in_order(journal: Journal, tmp_path: Path) -> None:
    for number in range(1, 31):
        journal.submit(stroke(number))
    assert journal.flush(10)
    assert written(tmp_path) == [f"stroke {number}" for number in range(1, 31)]
    assert journal.pending == 0


def test_writing_and_telling_happen_in_the_journals_own_thread(journal: Journal, told: RecordedStates) -> None:
    threads = []
    journal.submit(Write("something", lambda _: threads.append(threading.current_thread().name)))
    assert journal.close()
    assert threads == ["journal"]
    assert told.threads == {"journal"}


def test_submitting_does_not_wait_for_the_disk(journal: Journal) -> None:
    free = threading.Event()
    journal.submit(Write("something", lambda _: free.wait(10)))
    journal.submit(Write("something", lambda _: None))
    assert journal.pending == 2
    assert not journal.flush(0.05)
    free.set()
    assert journal.flush(10)


@pytest.mark.parametrize("times", [1, 3])
def test_a_full_disk_is_said_and_tried_again_until_all_is_written_in_order(
    journal: Journal, told: RecordedStates, tmp_path: Path, times: int
) -> None:
    full = sqlite3.OperationalError("database or disk is full")
    journal.submit(stroke(1))
    journal.submit(failing(times, full, stroke(2)))
    journal.submit(stroke(3))
    assert journal.close()
    assert written(tmp_path) == ["stroke 1", "stroke 2", "stroke 3"]
    assert told.problems == [f"The last strokes could not be saved yet: the disk is full. {KEPT}"] * times
    assert told.states[-1] == JournalState(pending=0)


def test_strokes_wait_in_memory_while_the_disk_is_really_full(
    start: Start, told: RecordedStates, tmp_path: Path
) -> None:
    Project.open(tmp_path).close()
    place = tmp_path / PLACE_NAME
    cramped = sqlite3.connect(place / "project.sqlite", check_same_thread=False)
    cramped.execute("PRAGMA max_page_count = 20")
    opened = iter([Project(tmp_path, place, cramped)])
    journal = start(lambda: next(opened, None) or Project.open(tmp_path))
    for number in range(1, 4):
        journal.submit(stroke(number))
    wait_until(lambda: len(told.problems) > 2)
    assert journal.pending == 3
    assert written(tmp_path) == []
    assert set(told.problems) == {f"The last strokes could not be saved yet: the disk is full. {KEPT}"}
    cramped.execute("PRAGMA max_page_count = 1000000")
    assert journal.close()
    assert written(tmp_path) == ["stroke 1", "stroke 2", "stroke 3"]


def test_strokes_wait_while_another_program_holds_the_file(start: Start, told: RecordedStates, tmp_path: Path) -> None:
    Project.open(tmp_path).close()
    place = tmp_path / PLACE_NAME

    def impatient() -> Project:
        return Project(tmp_path, place, sqlite3.connect(place / "project.sqlite", timeout=0.0))

    with closing(sqlite3.connect(place / "project.sqlite")) as other:
        other.execute("BEGIN IMMEDIATE")
        journal = start(impatient)
        journal.submit(stroke(1))
        wait_until(lambda: bool(told.problems))
        other.rollback()
    assert journal.close()
    assert "database is locked" in told.problems[0]
    assert written(tmp_path) == ["stroke 1"]


def test_strokes_wait_while_the_project_has_no_place(journal: Journal, told: RecordedStates, tmp_path: Path) -> None:
    in_the_way = tmp_path / PLACE_NAME
    in_the_way.write_text("the network drive is gone")
    journal.submit(stroke(1))
    wait_until(lambda: bool(told.problems))
    in_the_way.unlink()
    assert journal.close()
    assert "The project can't be kept" in told.problems[0]
    assert told.problems[0].endswith(f"the slides stay where they are. {KEPT}")
    assert written(tmp_path) == ["stroke 1"]


def test_strokes_wait_while_the_file_is_damaged(journal: Journal, told: RecordedStates, tmp_path: Path) -> None:
    file = tmp_path / PLACE_NAME / "project.sqlite"
    file.parent.mkdir()
    file.write_bytes(b"something else" * 1000)
    journal.submit(stroke(1))
    wait_until(lambda: bool(told.problems))
    file.unlink()
    assert journal.close()
    assert "is damaged" in told.problems[0]
    assert written(tmp_path) == ["stroke 1"]


def test_what_can_never_be_written_is_said_and_does_not_hold_up_the_rest(
    journal: Journal, told: RecordedStates, tmp_path: Path
) -> None:
    journal.submit(failing(99, ModelError("There is no model 'x'."), stroke(1)))
    journal.submit(stroke(2))
    assert journal.flush(10)
    assert journal.close()
    assert written(tmp_path) == ["stroke 2"]
    assert journal.state.lost == ("A change could not be saved (stroke 1): There is no model 'x'.",)


def test_closing_writes_what_is_left(journal: Journal, tmp_path: Path) -> None:
    for number in range(1, 11):
        journal.submit(stroke(number))
    assert journal.close()
    assert len(written(tmp_path)) == 10


def test_closing_says_so_when_something_cannot_be_written(journal: Journal, told: RecordedStates) -> None:
    before = threading.active_count()
    journal.submit(failing(10**6, sqlite3.OperationalError("database or disk is full"), stroke(1)))
    assert not journal.close(0.1)
    assert told.states[-1].pending == 1
    assert threading.active_count() < before


def test_closing_an_idle_journal_opens_no_project(start: Start, tmp_path: Path) -> None:
    assert start(lambda: Project.open(tmp_path)).close()
    assert list(tmp_path.iterdir()) == []
