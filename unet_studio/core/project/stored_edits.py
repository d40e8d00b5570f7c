"""Edits in the store: recorded, taken back and made again, inside the caller's transaction."""

import sqlite3
from dataclasses import dataclass
from datetime import UTC, datetime

from unet_studio.core.cleaning.steps import format_steps, parse_steps
from unet_studio.core.labels.edits import Edit, MaskRecipe, Patch, PlaneChange, ProposalChange, RecipeChange
from unet_studio.core.labels.plane import PlaneId, PlaneState
from unet_studio.core.project.stored_labels import (
    format_proposal,
    make_plane,
    parse_proposal,
    write_labels,
    write_proposal,
)
from unet_studio.core.tiles import Box

_NEWEST = 2**62  # above every id


@dataclass(frozen=True, slots=True)
class StoredEdit:
    """An edit and its place in the project's history."""

    id: int
    edit: Edit
    undone: bool


@dataclass(frozen=True, slots=True)
class TimedEdit:
    """When an edit was made, and on which slides; on none where it was of the recipe alone."""

    time: datetime
    slides: frozenset[str]


def read_times(db: sqlite3.Connection) -> list[TimedEdit]:
    """All edits that aren't undone, the oldest first."""
    found: dict[int, tuple[str, set[str]]] = {}
    for edit_id, time, slide in db.execute(
        "SELECT edit.id, time, slide FROM edit LEFT JOIN edit_plane ON edit_id = edit.id "
        "LEFT JOIN plane ON plane.id = plane_id WHERE undone = 0 ORDER BY edit.id"
    ):
        found.setdefault(edit_id, (time, set()))[1].update([slide] if slide is not None else [])
    return [TimedEdit(datetime.fromisoformat(time), frozenset(slides)) for time, slides in found.values()]


def record(db: sqlite3.Connection, edit_id: int, edit: Edit, shapes: tuple[tuple[int, int], ...]) -> None:
    """Store an edit and what it changes, and forget undone ones; nothing if an edit with this id is stored already.

    `shapes` are the (h, w) of the planes that it changes, in their order.
    """
    if db.execute("SELECT 1 FROM edit WHERE id = ?", (edit_id,)).fetchone():
        return
    db.execute("DELETE FROM edit WHERE undone = 1")
    db.execute(
        "INSERT INTO edit (id, sentence, time, weight) VALUES (?, ?, ?, ?)",
        (edit_id, edit.sentence, datetime.now(UTC).isoformat(), edit.nbytes),
    )
    for position, (change, shape) in enumerate(zip(edit.planes, shapes, strict=True)):
        plane_id = make_plane(db, change.plane, shape)
        insert_change(db, edit_id, position, plane_id, change)
        write_labels(db, plane_id, ((patch.box, patch.after) for patch in change.patches), change.state_after)
        if change.proposal is not None:
            write_proposal(db, plane_id, format_proposal(change.proposal.after))
    if edit.recipe is not None:
        before, after = edit.recipe.before, edit.recipe.after
        db.execute(
            "INSERT INTO edit_recipe VALUES (?, ?, ?, ?, ?)",
            (edit_id, format_steps(before.steps), before.threshold, format_steps(after.steps), after.threshold),
        )
        _write_recipe(db, format_steps(after.steps), after.threshold)


def insert_change(db: sqlite3.Connection, edit_id: int, position: int, plane_id: int, change: PlaneChange) -> None:
    """Store what the edit `edit_id` changes on its plane number `position`, without changing the labels."""
    proposals: tuple[str | None, str | None] = (None, None)
    if change.proposal is not None:
        proposals = format_proposal(change.proposal.before), format_proposal(change.proposal.after)
    db.execute(
        "INSERT INTO edit_plane VALUES (?, ?, ?, ?, ?, ?, ?)",
        (edit_id, position, plane_id, str(change.state_before), str(change.state_after), *proposals),
    )
    db.executemany(
        "INSERT INTO edit_patch (edit_id, position, y0, x0, y1, x1, before, after) VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
        ((edit_id, position, p.box.y0, p.box.x0, p.box.y1, p.box.x1, p.before, p.after) for p in change.patches),
    )


def replay(db: sqlite3.Connection, edit_id: int, *, undone: bool) -> None:
    """Take an edit back (`undone`) or make it again; nothing if it is gone, or that was done already."""
    side = "before" if undone else "after"
    row = db.execute("SELECT undone FROM edit WHERE id = ?", (edit_id,)).fetchone()
    if row is None or bool(row[0]) == undone:
        return
    planes = db.execute(
        f"SELECT position, plane_id, state_{side}, proposal_{side} FROM edit_plane WHERE edit_id = ?", (edit_id,)
    ).fetchall()
    for position, plane_id, state, proposal in planes:
        patches = db.execute(
            f"SELECT y0, x0, y1, x1, {side} FROM edit_patch WHERE edit_id = ? AND position = ?", (edit_id, position)
        )
        write_labels(db, plane_id, ((Box(*corners), data) for *corners, data in patches), state)
        if proposal is not None:
            write_proposal(db, plane_id, proposal)
    recipe = db.execute(
        f"SELECT steps_{side}, threshold_{side} FROM edit_recipe WHERE edit_id = ?", (edit_id,)
    ).fetchone()
    if recipe is not None:
        _write_recipe(db, *recipe)
    db.execute("UPDATE edit SET undone = ? WHERE id = ?", (int(undone), edit_id))


def next_edit_id(db: sqlite3.Connection) -> int:
    """An id above those of all edits that are stored."""
    return int(db.execute("SELECT COALESCE(MAX(id), 0) + 1 FROM edit").fetchone()[0])


def read_history(db: sqlite3.Connection, *, before: int | None, max_bytes: int) -> list[StoredEdit]:
    """The newest edits, oldest first, undone ones last, as many as fit in `max_bytes` of memory (at least one).

    With `before`, only edits older than the one with this id.
    """
    sql = "SELECT id, weight FROM edit WHERE id < ? ORDER BY id DESC"
    newest: list[int] = []
    used = 0
    for edit_id, weight in db.execute(sql, (_NEWEST if before is None else before,)):
        used += weight
        if newest and used > max_bytes:
            break
        newest.append(edit_id)
    return [_read_edit(db, edit_id) for edit_id in reversed(newest)]


def read_labelled_in_bulk(db: sqlite3.Connection) -> frozenset[PlaneId]:
    """The planes whose last edit that isn't undone labelled them, where nothing was labelled before, with others."""
    rows = db.execute(
        "SELECT slide, plane.plane FROM "
        "(SELECT plane_id, MAX(edit_id) AS newest FROM edit_plane JOIN edit ON edit.id = edit_id "
        "WHERE undone = 0 GROUP BY plane_id) AS newest_edit "
        "JOIN edit_plane AS made ON made.plane_id = newest_edit.plane_id AND made.edit_id = newest_edit.newest "
        "JOIN plane ON plane.id = made.plane_id "
        "WHERE made.state_before IN ('new', 'proposed') AND made.state_after IN ('corrected', 'reviewed') "
        "AND EXISTS (SELECT 1 FROM edit_plane AS other WHERE other.edit_id = made.edit_id AND other.position = 1)"
    )
    return frozenset(PlaneId(slide, plane) for slide, plane in rows)


def _read_edit(db: sqlite3.Connection, edit_id: int) -> StoredEdit:
    sentence, undone = db.execute("SELECT sentence, undone FROM edit WHERE id = ?", (edit_id,)).fetchone()
    rows = db.execute(
        "SELECT position, slide, plane, state_before, state_after, proposal_before, proposal_after FROM edit_plane "
        "JOIN plane ON plane.id = plane_id WHERE edit_id = ? ORDER BY position",
        (edit_id,),
    ).fetchall()
    planes = tuple(
        PlaneChange(
            PlaneId(slide, plane),
            _read_patches(db, edit_id, position),
            PlaneState(before),
            PlaneState(after),
            ProposalChange(*map(parse_proposal, proposals)) if None not in proposals else None,
        )
        for position, slide, plane, before, after, *proposals in rows
    )
    return StoredEdit(edit_id, Edit(sentence, planes, _read_recipe_change(db, edit_id)), bool(undone))


def _read_patches(db: sqlite3.Connection, edit_id: int, position: int) -> tuple[Patch, ...]:
    rows = db.execute(
        "SELECT y0, x0, y1, x1, before, after FROM edit_patch WHERE edit_id = ? AND position = ? ORDER BY id",
        (edit_id, position),
    )
    return tuple(Patch(Box(*corners), before, after) for *corners, before, after in rows)


def _read_recipe_change(db: sqlite3.Connection, edit_id: int) -> RecipeChange | None:
    row = db.execute(
        "SELECT steps_before, threshold_before, steps_after, threshold_after FROM edit_recipe WHERE edit_id = ?",
        (edit_id,),
    ).fetchone()
    if row is None:
        return None
    return RecipeChange(MaskRecipe(parse_steps(row[0]), row[1]), MaskRecipe(parse_steps(row[2]), row[3]))


def _write_recipe(db: sqlite3.Connection, steps: str, threshold: float) -> None:
    rows = [("clean_up", steps), ("threshold", str(threshold))]
    db.executemany("INSERT OR REPLACE INTO setting VALUES (?, ?)", rows)
