"""A store with any cell, table or byte changed is a sentence or is read; nothing in it is overwritten by reading."""

import os
import random
import re
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing, suppress
from functools import partial
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from unet_studio.core.classes import UNLABELLED, make_classes
from unet_studio.core.cleaning.steps import parse_steps
from unet_studio.core.labels.edits import Edit, MaskRecipe, PlaneChange, RecipeChange, make_patches
from unet_studio.core.labels.plane import PlaneId, PlaneState
from unet_studio.core.project.damage import FILE
from unet_studio.core.project.store import PLACE_NAME, Project
from unet_studio.core.tiles import Box
from unet_studio.core.workspace.workspace import Workspace
from unet_studio.errors import ProjectError, StoredDataError, StudioError
from unet_studio.unet.training.snapshot import read_labels

SHAPE = (300, 300)
PLANES = tuple(PlaneId(name) for name in ("a.png", "b.png", "c.png"))
MUTATIONS = int(os.environ.get("UNET_STUDIO_MUTATIONS", "150"))
"""Of each kind."""
VALUES = ("NULL", "5", "-1", "1e300", "'x'", "''", "x'00ff'", "9223372036854775807", "x''", "'[[1]]'", "0.5")


def make_edit(plane: PlaneId, seed: int, state: PlaneState) -> Edit:
    rng = np.random.default_rng(seed)
    y, x = rng.integers(0, 200, 2).tolist()
    box = Box(y, x, y + 90, x + 90)
    after = rng.integers(0, 2, box.shape, dtype=np.uint8)
    before = np.full(box.shape, UNLABELLED, np.uint8)
    return Edit(f"brush {seed}", (PlaneChange(plane, tuple(make_patches(box, before, after)), PlaneState.NEW, state),))


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """A store with something in every table."""
    folder = tmp_path_factory.mktemp("whole")
    with Project.open(folder) as project:
        project.set_classes(make_classes("cell", "nucleus"))
        for number, plane in enumerate(PLANES * 2, start=1):
            state = PlaneState.REVIEWED if number % 2 else PlaneState.CORRECTED
            project.record(number, make_edit(plane, number, state), SHAPE)
        steps = parse_steps("open:disk:2,fill-holes:64")
        project.record(7, Edit("clean-up", recipe=RecipeChange(MaskRecipe(), MaskRecipe(steps, 0.4))))
        project.record(8, make_edit(PLANES[2], 8, PlaneState.CORRECTED), SHAPE)
        project.undo(8)
        project.add_hold_out(["b.png"])
        project.remove_hold_out(["c.png"])
        project.mark_learned(["a.png"])
        project.set_audit(["c.png"])
    file = folder / PLACE_NAME / FILE
    with closing(sqlite3.connect(file)) as store:
        store.execute("PRAGMA journal_mode = DELETE")  # in memory there is no write-ahead log
    return file.read_bytes()


@pytest.fixture
def slides(tmp_path: Path) -> Path:
    for plane in PLANES:
        cv2.imwrite(str(tmp_path / plane.slide), np.zeros(SHAPE, np.uint8))
    (tmp_path / PLACE_NAME).mkdir()
    return tmp_path


class Unsynced(sqlite3.Connection):
    """Waits for no disk, or the tests take minutes."""

    def execute(self, sql: str, *arguments: Any) -> sqlite3.Cursor:
        return super().execute("PRAGMA synchronous = OFF" if "synchronous" in sql else sql, *arguments)


@pytest.fixture(autouse=True)
def _unsynced(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sqlite3, "connect", partial(sqlite3.connect, factory=Unsynced))


def put_store(folder: Path, content: bytes) -> Path:
    file = folder / PLACE_NAME / FILE
    for ending in ("-wal", "-shm", "-journal"):
        file.with_name(file.name + ending).unlink(missing_ok=True)
    file.write_bytes(content)
    return file


def readings(project: Project) -> Iterator[Callable[[], object]]:
    """All that can be read of a project, one by one."""
    for plane in PLANES:
        yield lambda plane=plane: project.labels(plane, SHAPE).read(Box.of_shape(SHAPE))
        yield lambda plane=plane: project.read_labels(plane, Box.of_shape(SHAPE))
        yield lambda plane=plane: project.kept_proposal(plane)
    yield from (
        project.states, project.classes, project.steps, project.hold_out, project.declined, project.learned,
        project.audit, project.labelled_planes, project.class_counts, project.accepted_in_bulk, project.kept_proposals,
        project.unsettled_planes, project.next_edit_id, project.edit_times, lambda: project.has_classes,
        lambda: project.threshold, lambda: project.active_model, lambda: project.too_close,
        lambda: project.repeat_key, lambda: project.hold_out_groups, lambda: read_labels(project),
        lambda: [patch.labels_before for entry in project.history() for c in entry.edit.planes for patch in c.patches],
    )  # fmt: skip


def writings(project: Project) -> Iterator[Callable[[], object]]:
    """What a person may do with it."""
    for edit_id in range(8, 0, -1):
        yield lambda edit_id=edit_id: project.undo(edit_id)
    yield lambda: project.redo(1)
    for plane in PLANES:
        yield lambda plane=plane: project.record(100 + plane.plane, make_edit(plane, 9, PlaneState.CORRECTED), SHAPE)
    yield lambda: project.add_hold_out(["a.png"])


def use(folder: Path) -> int:
    """Read a store, then write to it; any other exception than a `StudioError` fails. Returns how many were raised."""
    errors = 0
    try:
        with Project.open(folder) as project:
            # What a changed header lets SQLite only read is looked at, and says so.
            for kind in (readings,) if project.read_only else (readings, writings, readings):
                for step in kind(project):
                    try:
                        step()
                    except StudioError as error:
                        errors += 1
                        assert str(error).endswith((".", "…")) and len(str(error)) < 1000
    except StudioError:
        errors += 1
    return errors


def change_cell(content: bytes, rng: random.Random) -> tuple[str, bytes]:
    """One cell gets a value of any type."""
    with closing(sqlite3.connect(":memory:", isolation_level=None)) as store:
        store.deserialize(content)
        tables = store.execute("SELECT name, sql FROM sqlite_master WHERE type = 'table' ORDER BY name").fetchall()
        table, sql = rng.choice(tables)
        column = rng.choice([row[1] for row in store.execute(f"PRAGMA table_info({table})")])
        key = column if "WITHOUT ROWID" in sql else "rowid"
        (row,) = rng.choice(store.execute(f"SELECT {key} FROM {table}").fetchall())
        value = rng.choice(VALUES)
        # A column's type and NOT NULL hold only for the program that made the file.
        loose = re.sub(r"(INTEGER|TEXT|REAL)(?! PRIMARY)", "BLOB", sql.replace("NOT NULL", ""))
        store.execute("PRAGMA writable_schema = ON")
        store.execute("UPDATE sqlite_master SET sql = ? WHERE name = ?", (loose, table))
        content = store.serialize()
    with closing(sqlite3.connect(":memory:", isolation_level=None)) as store:
        store.deserialize(content)
        with suppress(sqlite3.Error):  # two rows alike
            store.execute(f"UPDATE {table} SET {column} = {value} WHERE {key} = ?", (row,))
        store.execute("PRAGMA writable_schema = ON")
        store.execute("UPDATE sqlite_master SET sql = ? WHERE name = ?", (sql, table))
        return f"{table}.{column} = {value}", store.serialize()


def change_bytes(content: bytes, rng: random.Random) -> tuple[str, bytes]:
    """A few bytes differ, a stretch is zero, or the end is missing."""
    data = bytearray(content)
    at = rng.randrange(len(data))
    match rng.randrange(4):
        case 0:
            del data[at:]
        case 1:
            data[at : at + 512] = bytes(len(data[at : at + 512]))
        case _:
            for _ in range(rng.choice((1, 3, 20))):
                data[rng.randrange(len(data)) if rng.random() < 0.7 else rng.randrange(100)] = rng.randrange(256)
    return f"{len(data)} bytes, changed at {at}", bytes(data)


@pytest.mark.parametrize("change", [change_cell, change_bytes])
def test_a_mutated_store_is_read_or_is_a_sentence(
    slides: Path, whole: bytes, change: Callable[[bytes, random.Random], tuple[str, bytes]]
) -> None:
    rng = random.Random(0)
    raised = 0
    for number in range(MUTATIONS):
        what, content = change(whole, rng)
        put_store(slides, content)
        try:
            raised += use(slides) > 0
        except Exception as error:
            pytest.fail(f"mutation {number}, {what}: {type(error).__name__}: {error}")
    assert raised > MUTATIONS // 10, "hardly any mutation was noticed, so they test nothing"


HOSTILE = Path(__file__).parents[3] / "shared" / "cases" / "hostile"


def set_cell(folder: Path, sql: str) -> None:
    with closing(sqlite3.connect(folder / PLACE_NAME / FILE)) as store, store:
        store.execute("PRAGMA foreign_keys = OFF")
        store.execute(sql)


@pytest.mark.parametrize(
    "sql",
    [
        "UPDATE label_tile SET data = 5 WHERE plane_id = 1",
        "UPDATE label_tile SET data = x'00ff' WHERE plane_id = 1",
        "UPDATE label_tile SET tile_row = 'x' WHERE plane_id = 1 AND tile_row = 0 AND tile_column = 0",
        "UPDATE label_tile SET tile_row = 99 WHERE plane_id = 1 AND tile_row = 0 AND tile_column = 0",
        "UPDATE plane SET height = 'high' WHERE id = 1",
        "UPDATE plane SET width = -5 WHERE id = 1",
    ],
)
def test_damaged_labels_cost_their_plane_alone(slides: Path, whole: bytes, sql: str) -> None:
    put_store(slides, whole)
    with Project.open(slides) as project:
        labels = {plane: project.labels(plane, SHAPE).read(Box.of_shape(SHAPE)) for plane in PLANES}
        states = project.states()
    set_cell(slides, sql)
    with Project.open(slides) as project:
        with pytest.raises(StoredDataError, match=r"'a\.png' is damaged.*all else can"):
            project.labels(PLANES[0], SHAPE)
        for plane in PLANES[1:]:
            np.testing.assert_array_equal(project.labels(plane, SHAPE).read(Box.of_shape(SHAPE)), labels[plane])
        assert project.states() == states
        assert [plane.plane for plane, _ in read_labels(project).planes] == [PLANES[1]]  # c.png is in the audit sample
        assert PLANES[1] in project.class_counts()
        project.record(20, make_edit(PLANES[1], 20, PlaneState.CORRECTED), SHAPE)


def test_a_damaged_state_counts_as_corrected(slides: Path, whole: bytes) -> None:
    put_store(slides, whole)
    set_cell(slides, "UPDATE plane SET state = 'x' WHERE id = 2")
    with Project.open(slides) as project:
        assert project.states()[PLANES[1]] is PlaneState.CORRECTED


@pytest.mark.parametrize("table", ["setting", "class", "plane", "label_tile", "hold_out", "edit", "edit_patch"])
@pytest.mark.parametrize("is_old", [False, True])
def test_without_one_of_its_tables_a_project_is_not_opened(
    slides: Path, whole: bytes, table: str, is_old: bool
) -> None:
    file = put_store(slides, whole)
    set_cell(slides, f"DROP TABLE {table}")
    if is_old:
        set_cell(slides, "PRAGMA user_version = 2")
    before = file.read_bytes()
    with pytest.raises(ProjectError, match="damaged"):
        Project.open(slides)
    assert file.read_bytes() == before


def test_a_damaged_edit_ends_what_can_be_taken_back(slides: Path, whole: bytes) -> None:
    put_store(slides, whole)
    set_cell(slides, "UPDATE edit_patch SET y0 = 'abc' WHERE edit_id = 5")
    workspace = Workspace.open(slides)
    try:
        assert [workspace.redo(), workspace.undo(), workspace.undo(), workspace.undo()].count(None) == 0  # 8, 7 and 6
        with pytest.raises(StoredDataError, match=r"edit 5 is damaged.*can't be taken back"):
            workspace.undo()
        assert workspace.next_undo is None
        workspace.perform(make_edit(PLANES[1], 30, PlaneState.CORRECTED), SHAPE)
        assert workspace.journal.flush(10)
    finally:
        assert workspace.close()


@pytest.mark.skipif(not HOSTILE.is_dir(), reason="needs ../shared")
@pytest.mark.parametrize("name", ["project-box-not-number", "project-no-edit-table", "project-tile-not-bytes"])
def test_stores_that_once_failed(slides: Path, name: str) -> None:
    put_store(slides, (HOSTILE / f"{name}.sqlite").read_bytes())
    assert use(slides) > 0
