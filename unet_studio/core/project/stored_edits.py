"""Edits in the store: recorded, taken back and made again, inside the caller's transaction."""

import sqlite3
from dataclasses import dataclass
from datetime import UTC, datetime

from unet_studio.core.cleaning.steps import format_steps, parse_steps
from unet_studio.core.labels.edits import Edit, MaskRecipe, Patch, PlaneChange, ProposalChange, RecipeChange
from unet_studio.core.labels.plane import PlaneId, PlaneState
from unet_studio.core.project.stored_labels import (
    find_plane_id,
    format_proposal,
    make_plane,
    parse_proposal,
    write_labels,
    write_proposal,
)
from unet_studio.core.project.stored_values import (
    box_of,
    bytes_of,
    damaged_entry,
    edit_id_of,
    is_whole,
    plane_of,
    state_of,
    text_of,
    threshold_of,
    time_of,
)
from unet_studio.errors import RecipeError, StoredDataError

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
    """All edits that aren't undone and of which it is known when they were made, the oldest first."""
    found: dict[int, tuple[datetime, set[str]]] = {}
    for edit_id, value, slide in db.execute(
        "SELECT edit.id, time, slide FROM edit LEFT JOIN edit_plane ON edit_id = edit.id "
        "LEFT JOIN plane ON plane.id = plane_id WHERE undone = 0 ORDER BY edit.id"
    ):
        time = time_of(value)
        if time is not None:
            found.setdefault(edit_id, (time, set()))[1].update([slide] if isinstance(slide, str) else [])
    return [TimedEdit(time, frozenset(slides)) for time, slides in found.values()]


def read_last_edits(db: sqlite3.Connection) -> dict[PlaneId, datetime]:
    """When the newest edit of each plane was made, of those that aren't undone."""
    rows = db.execute(
        "SELECT slide, plane.plane, MAX(time) FROM edit_plane JOIN edit ON edit.id = edit_id "
        "JOIN plane ON plane.id = plane_id WHERE undone = 0 GROUP BY plane_id"
    )
    found = ((plane_of(slide, number), time_of(time)) for slide, number, time in rows)
    return {plane: time for plane, time in found if plane is not None and time is not None}


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
        write_labels(
            db, change.plane, plane_id, ((patch.box, patch.after) for patch in change.patches), change.state_after
        )
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
    """Take an edit back (`undone`) or make it again; nothing if it is gone, or that was done already.

    Raises `StoredDataError` where it is damaged.
    """
    row = db.execute("SELECT undone FROM edit WHERE id = ?", (edit_id,)).fetchone()
    if row is None or bool(row[0]) == undone:
        return
    entry = read_edit(db, edit_id)
    for change in entry.edit.planes:
        state = change.state_before if undone else change.state_after
        patches = ((patch.box, patch.before if undone else patch.after) for patch in change.patches)
        plane_id = find_plane_id(db, change.plane)
        write_labels(db, change.plane, plane_id, patches, state)
        if change.proposal is not None:
            proposal = change.proposal.before if undone else change.proposal.after
            write_proposal(db, plane_id, format_proposal(proposal))
    if entry.edit.recipe is not None:
        recipe = entry.edit.recipe.before if undone else entry.edit.recipe.after
        _write_recipe(db, format_steps(recipe.steps), recipe.threshold)
    db.execute("UPDATE edit SET undone = ? WHERE id = ?", (int(undone), edit_id))


def next_edit_id(db: sqlite3.Connection) -> int:
    """An id above those of all edits that are stored."""
    return edit_id_of(db.execute("SELECT COALESCE(MAX(id), 0) FROM edit").fetchone()[0]) + 1


def read_history(db: sqlite3.Connection, *, before: int | None, max_bytes: int) -> list[StoredEdit]:
    """The newest edits, oldest first, undone ones last, as many as fit in `max_bytes` of memory (at least one).

    With `before`, only edits older than the one with this id. Of edits before a damaged one none can be taken back, so
    they aren't among them; raises `StoredDataError` where the newest is damaged itself.
    """
    sql = "SELECT id, weight FROM edit WHERE id < ? ORDER BY id DESC"
    newest: list[StoredEdit] = []
    used = 0
    for edit_id, weight in db.execute(sql, (_NEWEST if before is None else before,)).fetchall():
        used += weight if is_whole(weight, 0) else 0
        if newest and used > max_bytes:
            break
        try:
            newest.append(read_edit(db, edit_id_of(edit_id)))
        except StoredDataError:
            if not newest:
                raise
            break
    return newest[::-1]


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
    return frozenset(plane for slide, number in rows if (plane := plane_of(slide, number)))


def read_edit(db: sqlite3.Connection, edit_id: int) -> StoredEdit:
    """An edit that is stored; raises `StoredDataError` where it is damaged."""
    what = f"edit {edit_id}"
    sentence, undone = db.execute("SELECT sentence, undone FROM edit WHERE id = ?", (edit_id,)).fetchone()
    rows = db.execute(
        "SELECT position, slide, plane, state_before, state_after, proposal_before, proposal_after FROM edit_plane "
        "LEFT JOIN plane ON plane.id = plane_id WHERE edit_id = ? ORDER BY position",
        (edit_id,),
    ).fetchall()
    planes = tuple(
        PlaneChange(
            _plane_of(what, slide, number),
            _read_patches(db, edit_id, position),
            _state_of(what, before),
            _state_of(what, after),
            ProposalChange(*map(parse_proposal, proposals)) if None not in proposals else None,
        )
        for position, slide, number, before, after, *proposals in rows
    )
    return StoredEdit(edit_id, Edit(text_of(what, sentence), planes, _read_recipe_change(db, edit_id)), bool(undone))


def _plane_of(what: str, slide: object, number: object) -> PlaneId:
    plane = plane_of(slide, number)
    if plane is None:
        raise damaged_entry(what)
    return plane


def _state_of(what: str, value: object) -> PlaneState:
    """A state; unlike that of a plane it has to make sense, or taking the edit back would set another."""
    if value not in [*PlaneState]:
        raise damaged_entry(what)
    return state_of(value)


def _read_patches(db: sqlite3.Connection, edit_id: int, position: int) -> tuple[Patch, ...]:
    what = f"edit {edit_id}"
    rows = db.execute(
        "SELECT y0, x0, y1, x1, before, after FROM edit_patch WHERE edit_id = ? AND position = ? ORDER BY id",
        (edit_id, position),
    )
    return tuple(
        Patch(box_of(what, corners), bytes_of(what, before), bytes_of(what, after)) for *corners, before, after in rows
    )


def _read_recipe_change(db: sqlite3.Connection, edit_id: int) -> RecipeChange | None:
    row = db.execute(
        "SELECT steps_before, threshold_before, steps_after, threshold_after FROM edit_recipe WHERE edit_id = ?",
        (edit_id,),
    ).fetchone()
    if row is None:
        return None
    what = f"edit {edit_id}"
    return RecipeChange(_recipe_of(what, *row[:2]), _recipe_of(what, *row[2:]))


def _recipe_of(what: str, steps: object, threshold: object) -> MaskRecipe:
    try:
        return MaskRecipe(parse_steps(text_of(what, steps)), threshold_of(threshold))
    except (RecipeError, ValueError) as error:
        raise damaged_entry(what) from error


def _write_recipe(db: sqlite3.Connection, steps: str, threshold: float) -> None:
    rows = [("clean_up", steps), ("threshold", str(threshold))]
    db.executemany("INSERT OR REPLACE INTO setting VALUES (?, ?)", rows)
