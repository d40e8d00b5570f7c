"""The history of edits: what can be taken back and made again, across slides and restarts."""

from collections.abc import Callable

from unet_studio.core.labels.edits import Edit
from unet_studio.core.project.stored_edits import StoredEdit
from unet_studio.errors import ProjectError, StoredDataError

_KEPT_BYTES = 256 << 20
"""Of edits in memory; older ones come back from the project."""

Recall = Callable[[int | None, int], list[StoredEdit]]
"""Reads the newest stored edits before an id (None: of all), oldest first, as many as fit in so many bytes."""


class History:
    """The edits that are done and those that were taken back, as entries of the project.

    `recall` reads what is stored; `unwritten` says how many writes wait: edits that are not written yet stay in memory.
    `problem` says why stored edits can't be taken back, where one of them is damaged, or is empty.
    """

    def __init__(self, recall: Recall, next_id: int, unwritten: Callable[[], int]) -> None:
        self.problem = ""
        self._recall = recall
        self._forgot = True  # the project may hold more than is read now
        stored = self._read(None, _KEPT_BYTES // 4)
        self.done = [entry for entry in stored if not entry.undone]
        self.undone = [entry for entry in reversed(stored) if entry.undone]  # the next to be made again is last
        self._unwritten = unwritten
        self.next_id = next_id
        self._kept_bytes = sum(entry.edit.nbytes for entry in stored)

    def add(self, edit: Edit) -> None:
        """Take a new edit, by the id `next_id`; what was taken back before can't be made again."""
        entry = StoredEdit(self.next_id, edit, undone=False)
        self.next_id += 1
        self._kept_bytes += edit.nbytes - sum(undone.edit.nbytes for undone in self.undone)
        self.done.append(entry)
        self.undone.clear()
        self._forget_old(len(self.done) - 1 - self._unwritten())

    @property
    def next_undo(self) -> StoredEdit | None:
        if not self.done and self._forgot:
            self._recall_older()
        return self.done[-1] if self.done else None

    @property
    def next_redo(self) -> StoredEdit | None:
        return self.undone[-1] if self.undone else None

    def step_back(self) -> None:
        """The newest edit was taken back."""
        self.undone.append(self.done.pop())

    def step_forward(self) -> None:
        """The edit that was taken back last was made again."""
        self.done.append(self.undone.pop())

    def _forget_old(self, most: int) -> None:
        """Keep the newest edits that fit in memory; the project has them all."""
        while self._kept_bytes > _KEPT_BYTES and most > 0:
            self._kept_bytes -= self.done.pop(0).edit.nbytes
            self._forgot = True
            most -= 1

    def _recall_older(self) -> None:
        """Bring back from the project what was forgotten, all of which is older than what may not be written yet.

        An edit that is taken back in the project but not in memory was replaced by one that is not written yet.
        """
        oldest = min((entry.id for entry in self.undone), default=None)
        while not self.done and (found := self._read(oldest, _KEPT_BYTES // 2)):
            self.done = [entry for entry in found if not entry.undone]
            oldest = found[0].id
        self._kept_bytes += sum(entry.edit.nbytes for entry in self.done)
        self._forgot = bool(self.done or self.problem)

    def _read(self, before: int | None, most: int) -> list[StoredEdit]:
        """Stored edits; none where the newest of them is damaged, since those before it can't be taken back either."""
        self.problem = ""
        try:
            return self._recall(before, most)
        except StoredDataError as error:
            self.problem = f"{error} Edits up to it can't be taken back."
        except ProjectError as error:  # the store is gone for now
            self.problem = str(error)
        return []
