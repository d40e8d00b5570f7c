"""Projects of older versions open with all that is in them, or stay as they were."""

import shutil
import sqlite3
from contextlib import closing, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest
from numpy.typing import NDArray

from unet_studio.core.classes import UNLABELLED, LabelClass
from unet_studio.core.cleaning.steps import parse_steps
from unet_studio.core.labels.edits import MaskRecipe
from unet_studio.core.labels.plane import UNKNOWN_PROPOSAL, PlaneId, PlaneState
from unet_studio.core.project.store import PLACE_NAME, Project
from unet_studio.core.tiles import Box, pack
from unet_studio.errors import ProjectError, ProjectPlaceError

if TYPE_CHECKING:
    from tests.core.project.conftest import Elsewhere

A, B = PlaneId("a.png"), PlaneId("sub/slide.tif", 2)
SHAPE = (270, 280)
WHOLE = Box.of_shape(SHAPE)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path


def file_of(folder: Path) -> Path:
    return folder / PLACE_NAME / "project.sqlite"


def noise(shape: tuple[int, int]) -> NDArray[np.uint8]:
    """Labels that don't compress."""
    return np.random.default_rng(0).integers(0, 250, shape, dtype=np.uint8)


def labels_of(project: Project, plane: PlaneId = B) -> NDArray[np.uint8]:
    return project.labels(plane, SHAPE).read(WHOLE)


def execute(folder: Path, sql: str) -> None:
    with closing(sqlite3.connect(file_of(folder))) as connection, connection:
        connection.execute(sql)


# Version 1

VERSION_1 = """
CREATE TABLE setting (name TEXT PRIMARY KEY, value TEXT NOT NULL);
CREATE TABLE class (idx INTEGER PRIMARY KEY, name TEXT NOT NULL, red INTEGER, green INTEGER, blue INTEGER);
CREATE TABLE plane (
    id INTEGER PRIMARY KEY, slide TEXT NOT NULL, plane INTEGER NOT NULL,
    state TEXT NOT NULL DEFAULT 'new', height INTEGER NOT NULL, width INTEGER NOT NULL, UNIQUE (slide, plane)
);
CREATE TABLE label_tile (
    plane_id INTEGER NOT NULL REFERENCES plane (id), tile_row INTEGER, tile_column INTEGER,
    labelled INTEGER NOT NULL, data BLOB NOT NULL, PRIMARY KEY (plane_id, tile_row, tile_column)
) WITHOUT ROWID;
CREATE TABLE edit (
    id INTEGER PRIMARY KEY, plane_id INTEGER NOT NULL REFERENCES plane (id),
    y0 INTEGER, x0 INTEGER, y1 INTEGER, x1 INTEGER, before BLOB NOT NULL, after BLOB NOT NULL,
    sentence TEXT NOT NULL, state_before TEXT NOT NULL, state_after TEXT NOT NULL,
    time TEXT NOT NULL, undone INTEGER NOT NULL DEFAULT 0
);
CREATE TABLE hold_out (slide TEXT PRIMARY KEY);
INSERT INTO setting VALUES ('clean_up', 'open:disk:2');
INSERT INTO plane VALUES (1, 'a.png', 0, 'reviewed', 270, 280);
INSERT INTO plane VALUES (2, 'sub/slide.tif', 2, 'new', 270, 280);
PRAGMA user_version = 1;
"""


@pytest.fixture
def version_1(folder: Path) -> Path:
    """A folder with a project of version 1: a stroke over four tiles, a review, and a stroke that was taken back."""
    (folder / PLACE_NAME).mkdir()
    box, stroke = Box(200, 210, 270, 270), noise((70, 60))
    labels = np.full(SHAPE, UNLABELLED, np.uint8)
    reviewed = np.zeros(SHAPE, np.uint8)
    reviewed[box.slices] = stroke
    old, full = pack(np.full((70, 60), UNLABELLED, np.uint8)), pack(np.full((9, 9), UNLABELLED, np.uint8))
    labels[box.slices] = stroke
    edits = [
        (1, 1, 200, 210, 270, 270, old, pack(stroke), "brush on a.png", "proposed", "corrected", "2025", 0),
        (2, 1, 0, 0, *SHAPE, pack(labels), pack(reviewed), "review of a.png", "corrected", "reviewed", "2025", 0),
        (3, 2, 0, 0, 9, 9, full, pack(np.ones((9, 9), np.uint8)), "brush again", "new", "corrected", "2025", 1),
    ]
    padded = np.full((512, 512), UNLABELLED, np.uint8)
    padded[WHOLE.slices] = reviewed
    with closing(sqlite3.connect(file_of(folder))) as connection, connection:
        connection.executescript(VERSION_1)
        connection.executemany(f"INSERT INTO edit VALUES ({', '.join('?' * 13)})", edits)
        for row, column in ((0, 0), (0, 1), (1, 0), (1, 1)):
            tile = padded[256 * row : 256 * (row + 1), 256 * column : 256 * (column + 1)]
            count = int(np.count_nonzero(tile != UNLABELLED))
            connection.execute("INSERT INTO label_tile VALUES (1, ?, ?, ?, ?)", (row, column, count, pack(tile)))
    return folder


def test_a_project_of_version_1_keeps_its_labels_choices_and_all_its_edits(version_1: Path) -> None:
    a = PlaneId("a.png")
    for _ in range(2):  # brought up to date, and opened again
        with Project.open(version_1) as project:
            entries = project.history()
            found = [(entry.id, entry.edit.sentence, entry.undone) for entry in entries]
            assert found == [(1, "brush on a.png", False), (2, "review of a.png", False), (3, "brush again", True)]
            assert project.states() == {a: PlaneState.REVIEWED}
            assert project.steps() == parse_steps("open:disk:2")
            assert (labels_of(project, a) != UNLABELLED).all()
    assert len(entries[0].edit.change.patches) == 4
    assert entries[0].edit.change.box == Box(200, 210, 270, 270)
    with Project.open(version_1) as project:
        project.undo(2)
        np.testing.assert_array_equal(labels_of(project, a)[200:270, 210:270], noise((70, 60)))
        assert np.count_nonzero(labels_of(project, a) != UNLABELLED) == 70 * 60
        assert project.states() == {a: PlaneState.CORRECTED}
        project.undo(1)
        assert (labels_of(project, a) == UNLABELLED).all()
        project.redo(1)
        project.redo(2)
        project.redo(3)
        assert (labels_of(project)[:9, :9] == 1).all()
        assert (labels_of(project, a) != UNLABELLED).all()
        assert project.next_edit_id() == 4


def unchanged(folder: Path) -> bool:
    with closing(sqlite3.connect(file_of(folder))) as connection:
        version = connection.execute("PRAGMA user_version").fetchone()[0]
        tables = {name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
        edits = connection.execute("SELECT COUNT(*) FROM edit").fetchone()[0]
    return version == 1 and edits == 3 and tables == {"setting", "class", "plane", "label_tile", "edit", "hold_out"}


def test_an_edit_that_decayed_stops_the_migration_and_the_file_stays_as_it_was(version_1: Path) -> None:
    execute(version_1, "UPDATE edit SET after = zeroblob(50) WHERE id = 3")
    with pytest.raises(ProjectError, match=r"damaged.*restore a copy"):
        Project.open(version_1)
    assert unchanged(version_1)


def test_a_full_disk_stops_the_migration_and_the_file_stays_as_it_was(
    version_1: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def connect_cramped(file: Path, timeout: float) -> sqlite3.Connection:
        connection = connect(file, timeout=timeout)
        pages = connection.execute("PRAGMA page_count").fetchone()[0]
        connection.execute(f"PRAGMA max_page_count = {pages + 2}")
        return connection

    connect = sqlite3.connect
    with monkeypatch.context() as patch:
        patch.setattr("unet_studio.core.project.connection.sqlite3.connect", connect_cramped)
        patch.setattr("unet_studio.core.project.migrations.writing", nullcontext)
        with pytest.raises(ProjectError, match=r"full.*It is unchanged") as caught:
            Project.open(version_1)
    assert not isinstance(caught.value, ProjectPlaceError)
    assert unchanged(version_1)
    with Project.open(version_1) as project:
        assert len(project.history()) == 3


def test_a_project_of_version_1_that_another_window_writes_is_left_to_it(
    version_1: Path, writing_elsewhere: "Elsewhere"
) -> None:
    with (
        writing_elsewhere(version_1 / PLACE_NAME),
        pytest.raises(ProjectError, match=r"another window or command has it open.*close other windows"),
    ):
        Project.open(version_1)
    assert unchanged(version_1)


# Version 2

VERSION_2 = """
CREATE TABLE setting (name TEXT PRIMARY KEY, value TEXT NOT NULL);
CREATE TABLE class (
    idx INTEGER PRIMARY KEY, name TEXT NOT NULL, red INTEGER, green INTEGER, blue INTEGER
);
CREATE TABLE plane (
    id INTEGER PRIMARY KEY, slide TEXT NOT NULL, plane INTEGER NOT NULL,
    state TEXT NOT NULL DEFAULT 'new', height INTEGER NOT NULL, width INTEGER NOT NULL, UNIQUE (slide, plane)
);
CREATE TABLE label_tile (
    plane_id INTEGER NOT NULL REFERENCES plane (id), tile_row INTEGER, tile_column INTEGER,
    labelled INTEGER NOT NULL, data BLOB NOT NULL, PRIMARY KEY (plane_id, tile_row, tile_column)
) WITHOUT ROWID;
CREATE TABLE hold_out (slide TEXT PRIMARY KEY);
CREATE TABLE edit (
    id INTEGER PRIMARY KEY, sentence TEXT NOT NULL, time TEXT NOT NULL, weight INTEGER NOT NULL,
    undone INTEGER NOT NULL DEFAULT 0
);
CREATE INDEX undone_edit ON edit (id) WHERE undone = 1;
CREATE TABLE edit_plane (
    edit_id INTEGER NOT NULL REFERENCES edit (id) ON DELETE CASCADE, position INTEGER NOT NULL,
    plane_id INTEGER NOT NULL REFERENCES plane (id), state_before TEXT NOT NULL, state_after TEXT NOT NULL,
    PRIMARY KEY (edit_id, position)
) WITHOUT ROWID;
CREATE TABLE edit_patch (
    id INTEGER PRIMARY KEY, edit_id INTEGER NOT NULL, position INTEGER NOT NULL,
    y0 INTEGER, x0 INTEGER, y1 INTEGER, x1 INTEGER, before BLOB NOT NULL, after BLOB NOT NULL,
    FOREIGN KEY (edit_id, position) REFERENCES edit_plane ON DELETE CASCADE
);
CREATE INDEX patch_of_edit ON edit_patch (edit_id, position);
CREATE TABLE edit_recipe (
    edit_id INTEGER PRIMARY KEY REFERENCES edit (id) ON DELETE CASCADE,
    steps_before TEXT NOT NULL, threshold_before REAL NOT NULL, steps_after TEXT NOT NULL, threshold_after REAL NOT NULL
);
INSERT INTO setting VALUES ('clean_up', 'open:disk:2'), ('threshold', '0.35'), ('active_model', 'retrained-003');
INSERT INTO class VALUES (0, 'background', 128, 128, 128), (1, 'axon', 230, 159, 0);
INSERT INTO hold_out VALUES ('a.png');
INSERT INTO plane VALUES (1, 'a.png', 0, 'reviewed', 270, 280), (2, 'sub/slide.tif', 2, 'corrected', 270, 280);
INSERT INTO edit VALUES
    (1, 'brush on two planes', '2025-01-01', 5000, 0), (2, 'clean-up', '2025-01-02', 1000, 0),
    (5, 'erase', '2025-01-03', 1000, 1);
INSERT INTO edit_plane VALUES
    (1, 0, 1, 'proposed', 'reviewed'), (1, 1, 2, 'new', 'corrected'), (5, 0, 2, 'corrected', 'corrected');
INSERT INTO edit_recipe VALUES (2, '', 0.5, 'open:disk:2', 0.35);
PRAGMA user_version = 2;
"""
STROKE = noise((20, 30))


@pytest.fixture
def version_2(folder: Path) -> Path:
    """A folder with a project of version 2: a stroke on two planes, a clean-up, and an eraser that was taken back."""
    nothing, stroke = pack(np.full((20, 30), UNLABELLED, np.uint8)), pack(STROKE)
    tile = np.full((256, 256), UNLABELLED, np.uint8)
    tile[10:30, 40:70] = STROKE
    with closing(sqlite3.connect(":memory:")) as connection:
        connection.executescript(VERSION_2)
        for edit_id, position, before, after in (
            (1, 0, nothing, stroke),
            (1, 1, nothing, stroke),
            (5, 0, stroke, nothing),
        ):
            connection.execute(
                "INSERT INTO edit_patch (edit_id, position, y0, x0, y1, x1, before, after) "
                "VALUES (?, ?, 10, 40, 30, 70, ?, ?)",
                (edit_id, position, before, after),
            )
        for plane in (1, 2):
            connection.execute("INSERT INTO label_tile VALUES (?, 0, 0, 600, ?)", (plane, pack(tile)))
        connection.commit()
        content = connection.serialize()
    file_of(folder).parent.mkdir()
    file_of(folder).write_bytes(content)
    return folder


def tables_of(folder: Path) -> set[tuple[str, str]]:
    """The name and the columns, keys and conditions of each table and index."""
    with closing(sqlite3.connect(file_of(folder))) as connection:
        rows = connection.execute("SELECT name, sql FROM sqlite_master WHERE sql IS NOT NULL").fetchall()
    return {(name, "".join(sql.split()).replace("IFNOTEXISTS", "")) for name, sql in rows}


def test_a_project_of_version_2_opens_with_all_that_is_in_it(version_2: Path) -> None:
    labels = np.full(SHAPE, UNLABELLED, np.uint8)
    labels[10:30, 40:70] = STROKE
    with Project.open(version_2) as project:
        assert project.classes() == (LabelClass(0, "background", (128, 128, 128)), LabelClass(1, "axon", (230, 159, 0)))
        assert (project.steps(), project.threshold) == (parse_steps("open:disk:2"), 0.35)
        assert project.active_model == "retrained-003"
        assert project.hold_out() == {"a.png"}
        assert project.states() == {A: PlaneState.REVIEWED, B: PlaneState.CORRECTED}
        assert [(found.plane, found.labelled) for found in project.labelled_planes()] == [(A, 600), (B, 600)]
        for plane in (A, B):
            np.testing.assert_array_equal(labels_of(project, plane), labels)
        found = [(entry.id, entry.edit.sentence, entry.undone) for entry in project.history()]
        assert found == [(1, "brush on two planes", False), (2, "clean-up", False), (5, "erase", True)]
    with Project.open(version_2) as project:
        assert project.next_edit_id() == 6, "it is brought up to date once"


def test_which_proposal_was_corrected_is_unknown_where_there_was_one(version_2: Path) -> None:
    """A plane that was proposed when it was first labelled, and one that has a stored proposal; others had none."""
    execute(
        version_2, "INSERT INTO plane VALUES (3, 'c.png', 0, 'corrected', 9, 9), (4, 'd[1].png', 0, 'corrected', 9, 9)"
    )
    file = version_2 / PLACE_NAME / "proposals" / "some-model" / "d[1].png" / "00000.tiles"
    file.parent.mkdir(parents=True)
    file.touch()
    with Project.open(version_2) as project:
        assert project.kept_proposals() == {A: UNKNOWN_PROPOSAL, PlaneId("d[1].png"): UNKNOWN_PROPOSAL}
        assert project.kept_proposal(A) == UNKNOWN_PROPOSAL
        assert project.kept_proposal(B) is None
        for edit_id in (2, 1):
            project.undo(edit_id)
        assert project.kept_proposal(A) is None, "nothing is labelled any more"


def test_the_history_of_a_project_of_version_2_can_be_gone_through(version_2: Path) -> None:
    with Project.open(version_2) as project:
        assert project.next_edit_id() == 6
        project.redo(5)
        assert (labels_of(project) == UNLABELLED).all()
        for edit_id in (5, 2, 1):
            project.undo(edit_id)
        assert MaskRecipe(project.steps(), project.threshold) == MaskRecipe()
        assert project.states() == {}
        assert project.labelled_planes() == []
        project.redo(1)
        np.testing.assert_array_equal(labels_of(project, A)[10:30, 40:70], STROKE)


def test_a_project_of_version_2_gets_the_tables_of_a_new_one(
    version_2: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    new = tmp_path_factory.mktemp("new")
    for folder in (new, version_2):
        Project.open(folder).close()
    assert tables_of(version_2) == tables_of(new)


def test_a_project_of_version_1_gets_the_tables_of_a_new_one(
    version_1: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    new = tmp_path_factory.mktemp("new")
    for folder in (new, version_1):
        Project.open(folder).close()
    assert tables_of(version_1) == tables_of(new)
    with Project.open(version_1) as project:
        assert project.kept_proposals() == {A: UNKNOWN_PROPOSAL}


@pytest.mark.parametrize("version", [1, 2])
def test_a_project_is_kept_as_it_was_before_it_is_brought_up_to_date(
    version: int, request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder = request.getfixturevalue(f"version_{version}")
    tables = tables_of(folder)
    Project.open(folder).close()
    old = tmp_path_factory.mktemp("old")
    (old / PLACE_NAME).mkdir()
    backup = folder / PLACE_NAME / "backups" / "before-version-3.sqlite"
    shutil.copy(backup, file_of(old))
    with closing(sqlite3.connect(backup)) as connection:
        assert connection.execute("PRAGMA user_version").fetchone() == (version,)
    assert tables_of(old) == tables
    with Project.open(old) as project:
        assert len(project.history()) == 3
