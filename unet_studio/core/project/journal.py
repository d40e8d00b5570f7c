"""The one thread that writes the project, so that the window never waits and a full disk loses nothing."""

import logging
import sqlite3
import threading
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, replace

from unet_studio.core.labels.edits import PlaneChange
from unet_studio.core.labels.plane import LabelPlane, PlaneId
from unet_studio.core.project.held_store import HeldStore
from unet_studio.core.project.store import Project
from unet_studio.errors import PathError, ProjectError, StoredDataError

_log = logging.getLogger(__name__)
_PASSING = (sqlite3.Error, OSError, ProjectError, PathError)
"""Errors of the disk, or of the project as a whole."""
_RETRY_SECONDS = 2.0
_SYNC_SECONDS = 0.5
_IDLE_SECONDS = 5.0
"""How often it is looked whether the store is still there while nothing is written."""
_CLOSING_SECONDS = 1.0
"""How long closing waits for the threads; one that hangs in the file system must not hold up the window."""


@dataclass(frozen=True, slots=True)
class Write:
    """Something to be written: what it is, in words, how it is done, and what it changes of the labels of planes.

    `run` must change nothing where it has been done before, since it may be repeated after an error.
    """

    sentence: str
    run: Callable[[Project], object]
    changes: tuple[PlaneChange, ...] = ()
    undone: bool = False
    """Whether the changes are taken back rather than made."""

    def change_labels(self, plane: PlaneId, labels: LabelPlane) -> None:
        """Give the labels of a plane what will be stored of it once this is written."""
        for change in self.changes:
            if change.plane == plane:
                change.replay(labels, undone=self.undone)


@dataclass(frozen=True, slots=True)
class JournalState:
    """How many writes wait, why the first of them could not be done (empty while all is well), and what never will be.

    `lost` has a sentence for each write that failed for a reason that another attempt can't solve.
    """

    pending: int
    problem: str = ""
    lost: tuple[str, ...] = ()


class Journal:
    """Does writes in order; one that fails because of the disk stays in memory and is retried until it succeeds.

    `notify` is called in the journal's own thread after every change of state.
    """

    def __init__(self, open_project: Callable[[], Project], notify: Callable[[JournalState], None]) -> None:
        self._open_project = open_project
        self._notify = notify
        self._queue: deque[Write] = deque()
        self._state = JournalState(0)
        self._changed = threading.Condition()
        self._closing = threading.Event()
        self._unsynced = threading.Event()
        self._thread = threading.Thread(target=self._run, name="journal", daemon=True)
        self._syncing = threading.Thread(target=self._sync, name="journal-sync", daemon=True)
        self._thread.start()
        self._syncing.start()

    def submit(self, write: Write) -> None:
        """Have `write` done after all that were submitted before it."""
        with self._changed:
            self._queue.append(write)
            self._changed.notify_all()

    @property
    def state(self) -> JournalState:
        with self._changed:
            return replace(self._state, pending=len(self._queue))

    @property
    def pending(self) -> int:
        """How many writes are not done yet."""
        return len(self._queue)

    def waiting(self) -> tuple[Write, ...]:
        """The writes that are not known to be done yet, in order; the first may be just being written."""
        with self._changed:
            return tuple(self._queue)

    def flush(self, timeout: float) -> bool:
        """Wait until all is written, trying at once what failed before; False if that took over `timeout` seconds."""
        with self._changed:
            self._changed.notify_all()
            return self._changed.wait_for(lambda: not self._queue, timeout)

    def close(self, timeout: float = 10.0) -> bool:
        """End the threads, after at most `timeout` seconds for what is left; False if that was not enough."""
        written = self.flush(timeout)
        with self._changed:
            self._closing.set()
            self._changed.notify_all()
        self._unsynced.set()
        self._thread.join(_CLOSING_SECONDS)
        self._syncing.join(_CLOSING_SECONDS)
        return written

    def _run(self) -> None:
        store = HeldStore(self._open_project)
        while True:
            write = self._next()
            if self._closing.is_set():
                break
            if write is None:
                with suppress(*_PASSING):  # it is told once there is something to write
                    store.check()
                continue
            try:
                store.run(write.run)
            except Exception as error:
                # The disk may come back, or a copy of the project: what is queued stays queued.
                if isinstance(error, _PASSING) and not isinstance(error, StoredDataError):
                    self._hold(_sentence(error))
                else:  # trying again can't help, and what comes after must still be written
                    _log.exception("Could not write: %s", write.sentence)
                    self._written(lost=f"A change could not be saved ({write.sentence}): {error}")
                continue
            self._written()
        store.close()

    def _next(self) -> Write | None:
        """The next write; None where there is none for a while."""
        with self._changed:
            self._changed.wait_for(lambda: self._queue or self._closing.is_set(), _IDLE_SECONDS)
            return self._queue[0] if self._queue else None

    def _hold(self, problem: str) -> None:
        """Tell why the first write could not be done, and wait a little before it is tried again."""
        with self._changed:
            self._state = replace(self._state, problem=problem)
        self._notify(self.state)
        with self._changed:
            if not self._closing.is_set():
                self._changed.wait(_RETRY_SECONDS)

    def _written(self, lost: str = "") -> None:
        with self._changed:
            self._queue.popleft()
            self._state = replace(self._state, problem="", lost=(*self._state.lost, lost) if lost else self._state.lost)
            self._changed.notify_all()
        self._unsynced.set()
        self._notify(self.state)

    def _sync(self) -> None:
        """Flush what is committed to the disk about once a second, without delaying the next stroke."""
        while self._unsynced.wait() and not self._closing.is_set():
            self._unsynced.clear()
            try:
                with self._open_project() as project:
                    project.checkpoint()
            except (sqlite3.Error, ProjectError):
                self._unsynced.set()  # the disk may come back; what was committed stays in the log until then
            self._closing.wait(_SYNC_SECONDS)


def _sentence(error: Exception) -> str:
    text = str(error)
    if isinstance(error, sqlite3.OperationalError) and "full" in text:
        text = "the disk is full"
    return f"The last strokes could not be saved yet: {text.rstrip('.')}. They are kept in memory and tried again."
