"""The one thread that writes the project, so that the window never waits and a full disk loses nothing."""

import sqlite3
import threading
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass

from unet_studio.core.project.store import Project
from unet_studio.errors import ProjectError

Operation = Callable[[Project], object]
_RETRY_SECONDS = 2.0
_SYNC_SECONDS = 0.5


@dataclass(frozen=True, slots=True)
class JournalState:
    """How many operations wait to be written, and why the first of them could not be (empty while all is well)."""

    pending: int
    problem: str = ""


class Journal:
    """Writes operations in order; what the disk doesn't take now stays in memory and is tried until it does.

    `notify` is called in the journal's own thread after every change of state.
    """

    def __init__(self, open_project: Callable[[], Project], notify: Callable[[JournalState], None]) -> None:
        self._open_project = open_project
        self._notify = notify
        self._queue: deque[Operation] = deque()
        self._changed = threading.Condition()
        self._closing = threading.Event()
        self._unsynced = threading.Event()
        self._thread = threading.Thread(target=self._run, name="journal", daemon=True)
        self._syncing = threading.Thread(target=self._sync, name="journal-sync", daemon=True)
        self._thread.start()
        self._syncing.start()

    def submit(self, operation: Operation) -> None:
        """Have `operation` written after all that were submitted before it."""
        with self._changed:
            self._queue.append(operation)
            self._changed.notify_all()

    @property
    def pending(self) -> int:
        """How many operations are not written yet."""
        return len(self._queue)

    def flush(self, timeout: float) -> bool:
        """Wait until all is written; False if that took longer than `timeout` seconds."""
        with self._changed:
            self._changed.notify_all()
            return self._changed.wait_for(lambda: not self._queue, timeout)

    def close(self, timeout: float = 10.0) -> bool:
        """Write what is left and end the thread; False if something could not be written in time."""
        written = self.flush(timeout)
        with self._changed:
            self._closing.set()
            self._changed.notify_all()
        self._thread.join(timeout)
        self._unsynced.set()
        self._syncing.join(timeout)
        return written

    def _run(self) -> None:
        project: Project | None = None
        while (operation := self._next()) is not None:
            try:
                project = project or self._open_project()
                operation(project)
                problem = ""
            except (sqlite3.Error, OSError, ProjectError) as error:
                # The disk may come back, or a copy of the project: what is queued stays queued.
                self._notify(JournalState(len(self._queue), _sentence(error)))
                with self._changed:
                    if not self._closing.is_set():
                        self._changed.wait(_RETRY_SECONDS)
                continue
            except Exception as error:  # trying again can't help, and what comes after must still be written
                problem = f"A change could not be saved: {error}"
            with self._changed:
                self._queue.popleft()
                state = JournalState(len(self._queue), problem)
                self._changed.notify_all()
            self._unsynced.set()
            self._notify(state)
        if project is not None:
            project.close()

    def _sync(self) -> None:
        """Push what is committed on to the disk about once a second, without holding up the next stroke."""
        project: Project | None = None
        while self._unsynced.wait() and not self._closing.is_set():
            self._unsynced.clear()
            try:
                project = project or self._open_project()
                project.checkpoint()
            except (sqlite3.Error, ProjectError):
                self._unsynced.set()  # the disk may come back; what was committed stays in the log until then
            self._closing.wait(_SYNC_SECONDS)
        if project is not None:
            project.close()

    def _next(self) -> Operation | None:
        with self._changed:
            self._changed.wait_for(lambda: self._queue or self._closing.is_set())
            return None if self._closing.is_set() else self._queue[0]


def _sentence(error: Exception) -> str:
    text = str(error)
    if isinstance(error, sqlite3.OperationalError) and "full" in text:
        text = "the disk is full"
    return f"The last strokes could not be saved yet: {text.rstrip('.')}. They are kept in memory and tried again."
