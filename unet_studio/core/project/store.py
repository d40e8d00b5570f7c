"""The project: what people did, in one SQLite file beside the slides; a stroke is whole in it or absent."""

import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from datetime import datetime
from pathlib import Path
from typing import Self

import numpy as np
from numpy.typing import NDArray

from unet_studio.core.labels.edits import Edit
from unet_studio.core.labels.plane import LabelPlane, PlaneId, PlaneState, ProposalId
from unet_studio.core.project import stored_edits, stored_labels
from unet_studio.core.project.backups import copy_store
from unet_studio.core.project.choices import Choices
from unet_studio.core.project.connection import connect
from unet_studio.core.project.damage import FILE, READING_ERRORS, damaged, is_damage, reports_damage
from unet_studio.core.project.lock import unwritable
from unet_studio.core.project.missing import is_store_there
from unet_studio.core.project.read_only import connect_to_look
from unet_studio.core.project.stored_edits import StoredEdit, TimedEdit
from unet_studio.core.project.stored_labels import ClassCounts, LabelledPlane
from unet_studio.core.project.unreadable import find_unreadable
from unet_studio.core.tiles import Box
from unet_studio.errors import ProjectPlaceError, ProjectReadOnlyError

PLACE_NAME = "unet-studio"
"""Name of the project folder beside the slides."""


class Project(Choices, AbstractContextManager["Project"]):
    """One connection to a project; every method that writes is one transaction. Use it from one thread only.

    Methods that read raise `ProjectError` where the file is damaged, and those that write `sqlite3.OperationalError`
    where the disk is full or another connection writes for too long.
    """

    def __init__(self, folder: Path, place: Path, connection: sqlite3.Connection, read_only: str = "") -> None:
        super().__init__(place, connection)
        self.folder = folder
        self.read_only = read_only
        """Why it can only be looked at, in a sentence; empty where it can be written."""

    @classmethod
    def open(cls, folder: Path, *, place: Path | None = None, must_exist: bool = False) -> Self:
        """Open the project of a folder of slides, or make one, unless it `must_exist`.

        `place` is the project's folder where it isn't kept beside the slides. A project that can't be written there can
        be looked at, and its `read_only` says why. Raises `ProjectPlaceError` where none can be made there,
        `StoreMissingError` where there was one, and `ProjectError` where the file is damaged or from a newer version.
        """
        folder = folder.resolve()
        place = (place or folder / PLACE_NAME).resolve()
        try:
            is_there = is_store_there(place, must_exist=must_exist)
            if not is_there:
                place.mkdir(parents=True, exist_ok=True)
            return cls(folder, place, connect(place / FILE, create=not is_there))
        except (OSError, *READING_ERRORS) as error:
            if is_damage(error):
                raise damaged(place / FILE, error) from error
            if not (place / FILE).is_file():
                raise ProjectPlaceError(
                    f"The project can't be kept in '{place}' ({_reason(error)}). "
                    "Choose another place for it; the slides stay where they are."
                ) from error
            return cls(folder, place, *_look_at(place, error))

    def close(self) -> None:
        """Close the file; the last connection to do so also empties the write-ahead log."""
        self._db.close()

    def __exit__(self, *_: object) -> None:
        self.close()

    def checkpoint(self) -> None:
        """Have all that is committed on the disk itself, safe from a loss of power; others may write meanwhile."""
        self._db.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchall()

    @contextmanager
    def snapshot(self) -> Iterator[None]:
        """Inside it, all that is read is of one moment, while others go on writing."""
        self._db.execute("BEGIN")
        try:
            yield
        finally:
            self._db.rollback()

    def copy_to(self, file: Path) -> None:
        """Make `file` a whole copy of the store, as it is now; raises OSError and `sqlite3.Error`."""
        copy_store(self._db, file)

    @reports_damage
    def find_unreadable(self) -> list[str]:
        """Sentences that say what of the project makes no sense; none where all is well. Looks at every row."""
        return find_unreadable(self._db)

    # Labels

    @reports_damage
    def states(self) -> dict[PlaneId, PlaneState]:
        """The planes that a person corrected or reviewed."""
        return stored_labels.read_states(self._db)

    @reports_damage
    def labels(self, plane: PlaneId, shape: tuple[int, int]) -> LabelPlane:
        """The labels of a plane of `shape` (h, w); raises `ProjectError` if they were made on another size."""
        return stored_labels.read_plane(self._db, plane, shape)

    @reports_damage
    def read_labels(self, plane: PlaneId, box: Box) -> NDArray[np.uint8]:
        """The labels inside `box` alone, (h, w) uint8, reading only the tiles that it touches."""
        return stored_labels.read_box(self._db, plane, box)

    @reports_damage
    def labelled_planes(self) -> list[LabelledPlane]:
        """Every plane with at least one labelled pixel, in order of slide and plane."""
        return stored_labels.read_labelled_planes(self._db)

    @reports_damage
    def class_counts(self) -> dict[PlaneId, ClassCounts]:
        """How many pixels of each class are labelled, on every plane with any; reads all labels once."""
        return stored_labels.read_class_counts(self._db)

    @reports_damage
    def accepted_in_bulk(self) -> frozenset[PlaneId]:
        """The planes that one edit labelled together with others, such as accepting all proposals, and none since.

        Nobody looked at them one by one. A stroke or a review of the plane afterwards vouches for it, and so does a
        mask that was imported: that is an edit for each plane. Interpolated planes are among them.
        """
        return stored_edits.read_labelled_in_bulk(self._db)

    # Proposals that are kept under labels

    @reports_damage
    def kept_proposals(self) -> dict[PlaneId, ProposalId]:
        """The proposal that the corrections of a plane were made on, for all planes that have one."""
        return stored_labels.read_proposals(self._db)

    @reports_damage
    def kept_proposal(self, plane: PlaneId) -> ProposalId | None:
        """The proposal that the corrections of a plane were made on; None where there was none.

        `UNKNOWN_PROPOSAL` where a version before this one did not write down which one it was.
        """
        return stored_labels.read_proposal(self._db, plane)

    @reports_damage
    def unsettled_planes(self) -> list[PlaneId]:
        """The planes that are labelled in part and have no kept proposal that is known, in order."""
        return stored_labels.read_unsettled(self._db)

    @reports_damage
    def settle_proposals(self, found: Mapping[PlaneId, ProposalId]) -> None:
        """Name the proposals under the labels of planes where none is known so far; changes no other plane."""
        with self._db:
            for plane, proposal in found.items():
                stored_labels.settle_proposal(self._db, plane, proposal)

    # Edits

    @reports_damage
    def next_edit_id(self) -> int:
        """An id above those of all edits that are stored."""
        return stored_edits.next_edit_id(self._db)

    @reports_damage
    def record(self, edit_id: int, edit: Edit, *shapes: tuple[int, int]) -> None:
        """Store an edit and what it changes in one transaction; undone edits are forgotten.

        `shapes` are the (h, w) of the planes that it changes, in their order. Recording the same id again changes
        nothing, so that a journal may repeat what it isn't sure of.
        """
        with self._db:
            stored_edits.record(self._db, edit_id, edit, shapes)

    @reports_damage
    def undo(self, edit_id: int) -> None:
        """Take an edit back; undoing one that is undone already, or gone, changes nothing."""
        with self._db:
            stored_edits.replay(self._db, edit_id, undone=True)

    @reports_damage
    def redo(self, edit_id: int) -> None:
        """Make an edit again that was taken back; redoing any other changes nothing."""
        with self._db:
            stored_edits.replay(self._db, edit_id, undone=False)

    @reports_damage
    def edit_times(self) -> list[TimedEdit]:
        """When each edit that isn't undone was made, and on which slides, the oldest first."""
        return stored_edits.read_times(self._db)

    @reports_damage
    def last_edits(self) -> dict[PlaneId, datetime]:
        """When the newest edit of each plane was made, of those that aren't undone."""
        return stored_edits.read_last_edits(self._db)

    @reports_damage
    def history(self, *, before: int | None = None, max_bytes: int = 64 << 20) -> list[StoredEdit]:
        """The newest edits, oldest first, undone ones last, as many as fit in `max_bytes` of memory (at least one).

        With `before`, only edits older than the one with this id.
        """
        return stored_edits.read_history(self._db, before=before, max_bytes=max_bytes)


def _look_at(place: Path, problem: Exception) -> tuple[sqlite3.Connection, str]:
    """A connection to a store that can't be written, and why it can't."""
    try:
        connection = connect_to_look(place / FILE)
    except (OSError, *READING_ERRORS) as error:
        if is_damage(error):
            raise damaged(place / FILE, error) from error
        raise ProjectReadOnlyError(
            f"The project in '{place}' can be neither written ({_reason(problem)}) nor read ({_reason(error)}) now. "
            "See that its disk is there and has room, and that you may read it; then open the folder again."
        ) from error
    return connection, unwritable(place, _reason(problem))


def _reason(error: Exception) -> str:
    return error.strerror if isinstance(error, OSError) and error.strerror else str(error)
