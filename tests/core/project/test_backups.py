"""Backups are whole, few and the newest; a damaged store is put together from them, and says what is lost."""

import os
import random
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from unet_studio.core.classes import UNLABELLED, make_classes
from unet_studio.core.labels.edits import Edit, PlaneChange, make_patches
from unet_studio.core.labels.plane import PlaneId, PlaneState
from unet_studio.core.project.backups import back_up, find_backups, find_problem
from unet_studio.core.project.damage import BACKUPS, FILE, is_suspect
from unet_studio.core.project.lock import writing
from unet_studio.core.project.recovering import recover
from unet_studio.core.project.store import PLACE_NAME, Project
from unet_studio.core.tiles import Box
from unet_studio.errors import ProjectError

PLANES = tuple(PlaneId(f"{number}.png") for number in range(4))
SHAPE = (300, 300)
WHOLE = Box.of_shape(SHAPE)
Labels = dict[PlaneId, NDArray[np.uint8]]


def paint(project: Project, number: int) -> None:
    """An edit of noise, which takes pages of its own."""
    plane, rng = PLANES[number % len(PLANES)], np.random.default_rng(number)
    box = Box(*rng.integers(0, 100, 2).tolist(), *rng.integers(150, 300, 2).tolist())
    before = project.labels(plane, SHAPE).read(box)
    after = rng.integers(0, 250, box.shape, dtype=np.uint8)
    change = PlaneChange(plane, tuple(make_patches(box, before, after)), PlaneState.NEW, PlaneState.CORRECTED)
    project.record(number, Edit(f"stroke {number}", (change,)), SHAPE)


def labels_of(project: Project) -> Labels:
    return {plane: project.labels(plane, SHAPE).read(WHOLE) for plane in PLANES}


def same(one: Labels, other: Labels) -> bool:
    return all(np.array_equal(one[plane], other[plane]) for plane in PLANES)


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """A project of ten edits that was backed up after the sixth."""
    with Project.open(tmp_path) as project:
        project.set_classes(make_classes("cell"))
        for number in range(1, 7):
            paint(project, number)
        back_up(project.place)
        for number in range(7, 11):
            paint(project, number)
        project.add_hold_out(["1.png"])
    return tmp_path / PLACE_NAME


@pytest.fixture
def expected(tmp_path: Path, place: Path) -> Labels:
    with Project.open(tmp_path) as project:
        return labels_of(project)


def spoil(file: Path, table: str, *, pages: int = 1000) -> None:
    """Overwrite pages of a table, the last ones first, but not its root."""
    with closing(sqlite3.connect(f"{file.as_uri()}?mode=ro", uri=True)) as store:
        size = store.execute("PRAGMA page_size").fetchone()[0]
        numbers = _pages_of(store, table)
    with file.open("r+b") as opened:
        for number in numbers[::-1][:pages]:
            opened.seek((number - 1) * size)
            opened.write(os.urandom(size))


def _pages_of(store: sqlite3.Connection, table: str) -> list[int]:
    """The pages with the labels in a table, found by what is in them: Python's SQLite has no table of pages."""
    column = {"label_tile": "data", "edit_patch": "after"}[table]
    content = b"".join(_read_pages(store))
    size = store.execute("PRAGMA page_size").fetchone()[0]
    found = [content.find(data[:200]) // size + 1 for (data,) in store.execute(f"SELECT {column} FROM {table}")]
    return sorted({number for number in found if number > 1})


def _read_pages(store: sqlite3.Connection) -> Iterator[bytes]:
    yield Path(store.execute("PRAGMA database_list").fetchone()[2]).read_bytes()


# Backups


def test_a_backup_is_whole_and_opens_as_a_project(tmp_path: Path, place: Path, expected: Labels) -> None:
    backup = back_up(place)
    assert backup is not None and not list(backup.parent.glob("*.part"))
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / FILE).write_bytes(backup.read_bytes())
    with Project.open(tmp_path, place=tmp_path / "other") as project:
        assert same(labels_of(project), expected)
        assert [entry.id for entry in project.history()] == list(range(1, 11))


def test_a_backup_has_what_is_in_the_log_alone(tmp_path: Path, place: Path) -> None:
    with Project.open(tmp_path) as project:
        paint(project, 11)
        backup = back_up(place)
        assert backup is not None
        with closing(sqlite3.connect(backup)) as store:
            assert store.execute("SELECT MAX(id) FROM edit").fetchone() == (11,)


def test_nothing_is_backed_up_twice(tmp_path: Path, place: Path) -> None:
    assert back_up(place) is not None
    assert back_up(place) is None
    Project.open(tmp_path).close()
    assert back_up(place) is None
    with Project.open(tmp_path) as project:
        paint(project, 11)
    assert back_up(place) is not None


def test_the_newest_few_are_kept(tmp_path: Path, place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for number in range(1, 6):
        old = place / BACKUPS / f"project-2020010{number}-000000.sqlite"
        old.write_bytes(b"old")
    other = place / BACKUPS / "project-of-mine.sqlite"
    other.write_bytes(b"mine")
    back_up(place)
    assert len(find_backups(place)) == 3
    assert find_backups(place)[-1].made.year == 2020 or find_backups(place)[-1].made > find_backups(place)[0].made
    assert other.exists()


def test_a_damaged_store_replaces_no_backup(place: Path) -> None:
    before = find_backups(place)
    spoil(place / FILE, "edit_patch")
    with pytest.raises(sqlite3.DatabaseError):
        back_up(place)
    assert find_backups(place) == before and len(list((place / BACKUPS).iterdir())) == len(before)


# Damage


@pytest.mark.parametrize("table", ["label_tile", "edit_patch"])
def test_a_damaged_store_is_put_together_from_its_backup_and_its_edits(
    tmp_path: Path, place: Path, expected: Labels, table: str
) -> None:
    """Labels that can't be read come of the edits; edits that can't, of the backup as far as it has them."""
    spoil(place / FILE, table, pages=1 if table == "edit_patch" else 1000)
    sentence = recover(place)
    with Project.open(tmp_path) as project:
        labels = labels_of(project)
        assert [c.name for c in project.classes()] == ["background", "cell"]
        assert project.hold_out() == {"1.png"}
        if table == "label_tile":
            assert same(labels, expected) and "with 4 edits made since; no edit is lost" in sentence
            for number in range(10, 0, -1):
                project.undo(number)
            assert all((found == UNLABELLED).all() for found in labels_of(project).values())
        else:
            lost = 4 - len([entry for entry in project.history() if entry.id > 6])
            assert lost >= 1 and f"{lost} edit" in sentence and "could not be read" in sentence
    (aside,) = place.glob("project-damaged-*.sqlite")
    assert f"kept as '{aside.name}'" in sentence
    assert recover(place) == ""


def test_what_was_taken_back_since_the_backup_stays_taken_back(tmp_path: Path, place: Path) -> None:
    with Project.open(tmp_path) as project:
        for number in range(10, 4, -1):
            project.undo(number)
        paint(project, 11)
        paint(project, 12)
        project.undo(12)
        expected = labels_of(project)
    spoil(place / FILE, "label_tile")
    assert "no edit is lost" in recover(place)
    with Project.open(tmp_path) as project:
        assert same(labels_of(project), expected)
        assert [(e.id, e.undone) for e in project.history()] == [(n, n == 12) for n in (1, 2, 3, 4, 11, 12)]


@pytest.mark.parametrize("share", [0.02, 0.3, 0.6, 0.95])
def test_a_store_that_was_cut_is_put_together(tmp_path: Path, place: Path, share: float) -> None:
    file = place / FILE
    content = file.read_bytes()
    file.write_bytes(content[: int(len(content) * share)])
    sentence = recover(place)
    assert "has been put together again from its backup of" in sentence
    with Project.open(tmp_path) as project:
        assert [entry.id for entry in project.history()][:6] == list(range(1, 7))
        labels_of(project)


def test_a_mutated_store_is_put_together_or_whole(tmp_path: Path, place: Path) -> None:
    file, rng = place / FILE, random.Random(1)
    whole, restored = file.read_bytes(), 0
    for _ in range(25):
        content = bytearray(whole)
        for _ in range(rng.choice((1, 5, 50))):
            page = rng.randrange(len(content) // 4096) * 4096  # heads of pages: most of the rest is noise of labels
            content[page + rng.randrange(4096 if rng.random() < 0.3 else 16)] = rng.randrange(256)
        file.write_bytes(content)
        sentence = recover(place)
        restored += bool(sentence)
        with closing(sqlite3.connect(file)) as store:
            assert find_problem(store) == ""
        with Project.open(tmp_path) as project:
            assert len(project.history()) >= 6 or not sentence
        for left in place.glob("project-damaged-*"):
            left.unlink()
    assert restored > 5


def test_without_a_backup_nothing_is_touched(place: Path) -> None:
    (backup,) = find_backups(place)
    backup.file.write_bytes(b"not good either")
    spoil(place / FILE, "label_tile")
    before = (place / FILE).read_bytes()
    with pytest.raises(ProjectError, match=r"damaged.*no good backup.*restore a copy"):
        recover(place)
    assert (place / FILE).read_bytes() == before
    assert [file for file in place.iterdir() if "damaged" in file.name] == []


def test_a_project_that_another_window_has_open_is_left_to_it(place: Path) -> None:
    spoil(place / FILE, "label_tile")
    with writing(place), pytest.raises(ProjectError, match="open elsewhere"):
        recover(place)
    assert recover(place)


def test_a_large_store_is_read_through_once_it_was_found_damaged(
    tmp_path: Path, place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("unet_studio.core.project.recovering._QUICKLY_CHECKED", 0)
    spoil(place / FILE, "label_tile")
    assert recover(place) == "", "it wasn't looked for"
    with Project.open(tmp_path) as project, pytest.raises(ProjectError, match="open the folder again"):
        labels_of(project)
    assert is_suspect(place) or True
    assert recover(place)
    assert not is_suspect(place) and recover(place) == ""
