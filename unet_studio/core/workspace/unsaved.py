"""What is not on the disk yet: every stroke, review, accepted plane and mask file that waits, in one place."""

import itertools
import threading
from collections.abc import Callable
from dataclasses import dataclass

from unet_studio.core.project.journal import Journal


@dataclass(frozen=True, slots=True)
class UnsavedState:
    """All that would be lost if the program ended now, each thing in words.

    `edits` wait to be written, `tasks` are edits that are still being worked out (a review, accepting, interpolation),
    `files` are mask files to be brought up to date with what is written. `problem` says why the first edit could not be
    written, `lost` what never will be.
    """

    edits: tuple[str, ...] = ()
    tasks: tuple[str, ...] = ()
    files: tuple[str, ...] = ()
    problem: str = ""
    lost: tuple[str, ...] = ()

    @property
    def count(self) -> int:
        return len(self.edits) + len(self.tasks) + len(self.files)


class Unsaved:
    """Knows what the journal has not written and what is still being worked out; any thread may ask or tell."""

    def __init__(self, journal: Journal, notify: Callable[[], None]) -> None:
        self._journal = journal
        self._notify = notify
        self._tasks: dict[int, tuple[str, bool]] = {}  # in words, and whether it becomes an edit
        self._numbers = itertools.count()
        self._lock = threading.Lock()

    def begin(self, sentence: str, *, becomes_edit: bool = True) -> int:
        """Something is being worked out that a person asked for; returns a number to `end` it by."""
        number = next(self._numbers)
        with self._lock:
            self._tasks[number] = sentence, becomes_edit
        self._notify()
        return number

    def end(self, number: int) -> None:
        """It became an edit, or a notice said why not."""
        with self._lock:
            self._tasks.pop(number, None)
        self._notify()

    @property
    def count(self) -> int:
        """How many things are not on the disk."""
        return self._journal.pending + len(self._tasks)

    def state(self) -> UnsavedState:
        journal = self._journal.state
        edits = tuple(write.sentence for write in self._journal.waiting())
        with self._lock:
            under_way = tuple(self._tasks.values())
        tasks = tuple(sentence for sentence, becomes_edit in under_way if becomes_edit)
        files = tuple(sentence for sentence, becomes_edit in under_way if not becomes_edit)
        return UnsavedState(edits, tasks, files, journal.problem, journal.lost)
