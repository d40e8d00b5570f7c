"""What is not on the disk yet: every stroke, review, accepted plane and mask file that waits, in one place."""

import itertools
import threading
from collections.abc import Callable
from dataclasses import dataclass

from unet_studio.core.project.journal import Journal


@dataclass(frozen=True, slots=True)
class UnsavedState:
    """All that would be lost if the program ended now, each thing in words.

    `edits` wait to be written, `tasks` are still being worked out (a review, accepting, interpolation, mask files).
    `problem` says why the first edit could not be written, `lost` what never will be.
    """

    edits: tuple[str, ...] = ()
    tasks: tuple[str, ...] = ()
    problem: str = ""
    lost: tuple[str, ...] = ()

    @property
    def count(self) -> int:
        return len(self.edits) + len(self.tasks)


class Unsaved:
    """Knows what the journal has not written and what is still being worked out; any thread may ask or tell."""

    def __init__(self, journal: Journal, notify: Callable[[], None]) -> None:
        self._journal = journal
        self._notify = notify
        self._tasks: dict[int, str] = {}
        self._numbers = itertools.count()
        self._lock = threading.Lock()

    def begin(self, sentence: str) -> int:
        """Something is being worked out that a person asked for; returns a number to `end` it by."""
        number = next(self._numbers)
        with self._lock:
            self._tasks[number] = sentence
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
            tasks = tuple(self._tasks.values())
        return UnsavedState(edits, tasks, journal.problem, journal.lost)
