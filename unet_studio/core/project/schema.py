"""The tables of a project's store, as they are in the version that this program writes."""

VERSION = 3
"""SQLite's `user_version`: 3 since a plane remembers the proposal under its labels; 2 since an edit may change several
planes; 1 had one box of one plane to an edit."""

TABLES = """
CREATE TABLE IF NOT EXISTS setting (name TEXT PRIMARY KEY, value TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS class (
    idx INTEGER PRIMARY KEY, name TEXT NOT NULL, red INTEGER, green INTEGER, blue INTEGER
);
CREATE TABLE IF NOT EXISTS plane (
    id INTEGER PRIMARY KEY, slide TEXT NOT NULL, plane INTEGER NOT NULL,
    state TEXT NOT NULL DEFAULT 'new', height INTEGER NOT NULL, width INTEGER NOT NULL,
    proposal TEXT NOT NULL DEFAULT '', UNIQUE (slide, plane)
);
CREATE TABLE IF NOT EXISTS label_tile (
    plane_id INTEGER NOT NULL REFERENCES plane (id), tile_row INTEGER, tile_column INTEGER,
    labelled INTEGER NOT NULL, data BLOB NOT NULL, PRIMARY KEY (plane_id, tile_row, tile_column)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS hold_out (slide TEXT PRIMARY KEY);
"""
"""Settings, classes, labels and hold-out.

`proposal` is the one kept under the labels, 'MODEL/VERSION'; empty where there is none, '?' where a project of an
earlier version doesn't say which one it was."""

EDIT_TABLES = """
CREATE TABLE IF NOT EXISTS edit (
    id INTEGER PRIMARY KEY, sentence TEXT NOT NULL, time TEXT NOT NULL, weight INTEGER NOT NULL,
    undone INTEGER NOT NULL DEFAULT 0
);
CREATE INDEX IF NOT EXISTS undone_edit ON edit (id) WHERE undone = 1;
CREATE TABLE IF NOT EXISTS edit_plane (
    edit_id INTEGER NOT NULL REFERENCES edit (id) ON DELETE CASCADE, position INTEGER NOT NULL,
    plane_id INTEGER NOT NULL REFERENCES plane (id), state_before TEXT NOT NULL, state_after TEXT NOT NULL,
    proposal_before TEXT, proposal_after TEXT,
    PRIMARY KEY (edit_id, position)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS edit_patch (
    id INTEGER PRIMARY KEY, edit_id INTEGER NOT NULL, position INTEGER NOT NULL,
    y0 INTEGER, x0 INTEGER, y1 INTEGER, x1 INTEGER, before BLOB NOT NULL, after BLOB NOT NULL,
    FOREIGN KEY (edit_id, position) REFERENCES edit_plane ON DELETE CASCADE
);
CREATE INDEX IF NOT EXISTS patch_of_edit ON edit_patch (edit_id, position);
CREATE TABLE IF NOT EXISTS edit_recipe (
    edit_id INTEGER PRIMARY KEY REFERENCES edit (id) ON DELETE CASCADE,
    steps_before TEXT NOT NULL, threshold_before REAL NOT NULL, steps_after TEXT NOT NULL, threshold_after REAL NOT NULL
);
"""
"""The history of edits. `weight` is what an edit takes in memory, in bytes; `undone` ones can be redone. The proposals
before and after are those of `plane`, and null where an edit doesn't change which one it is."""
