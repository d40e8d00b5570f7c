"""Work off the GUI thread: a function runs in a pool, its result comes back in the GUI thread."""

import logging
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

from PySide6.QtCore import QObject, Qt, Signal, Slot

from unet_studio.errors import StudioError, UnexpectedError

_log = logging.getLogger(__name__)


def error_in_words(doing: str, error: BaseException) -> StudioError:
    """The error itself, if it is a sentence for a person; any other is logged with its traceback and named in words."""
    if isinstance(error, StudioError):
        return error
    _log.error("Unexpected error while %s", doing, exc_info=error)
    return UnexpectedError(doing, error)


@dataclass(frozen=True, slots=True)
class _Task:
    generation: int
    doing: str
    function: Callable[[], Any]
    then: Callable[[Any], None]
    failed: Callable[[StudioError], None] | None
    dropped: Callable[[Any], None]


class Background(QObject):
    """A small pool of threads. Results of work asked for before `forget` are dropped.

    With `newest_first`, what was asked for last runs first, since that is what the user looks at now. What must not
    wait behind long work has a pool of its own.
    """

    failed = Signal(object)  # StudioError that nobody else takes care of
    _finished = Signal(object, object)

    def __init__(self, threads: int = 2, parent: QObject | None = None, *, newest_first: bool = True) -> None:
        super().__init__(parent)
        self._pool = ThreadPoolExecutor(threads, thread_name_prefix="background")
        self._newest_first = newest_first
        self._waiting: list[_Task] = []
        self._generation = 0
        self._closed = False
        self._finished.connect(self._deliver, Qt.ConnectionType.QueuedConnection)

    def run(
        self,
        doing: str,
        function: Callable[[], Any],
        then: Callable[[Any], None],
        *,
        failed: Callable[[StudioError], None] | None = None,
        dropped: Callable[[Any], None] = lambda _: None,
    ) -> None:
        """Run `function` in a thread, then `then(result)` here, or `failed(error)`; without that, `failed` is emitted.

        `doing` says what it is in words ("reading 'a.tif'"): an exception that nobody foresaw is logged with its
        traceback and becomes an `UnexpectedError` that names it. A result that nobody wants any more is given to
        `dropped` instead, so that what it holds open can be closed.
        """
        if self._closed:
            return
        self._waiting.append(_Task(self._generation, doing, function, then, failed, dropped))
        self._pool.submit(self._work)

    def forget(self) -> None:
        """Drop what is waiting, and the results of what is running."""
        self._generation += 1
        self._waiting.clear()

    def close(self) -> None:
        """Drop what is waiting and wait for what is running."""
        self._closed = True
        self.forget()
        self._pool.shutdown(wait=True, cancel_futures=True)

    def _work(self) -> None:
        try:
            task = self._waiting.pop() if self._newest_first else self._waiting.pop(0)
        except IndexError:
            return  # forgotten in the meantime
        result: Any
        try:
            result = task.function()
        except Exception as error:
            result = error_in_words(task.doing, error)
        if self._closed:
            task.dropped(result)
        else:
            self._finished.emit(task, result)

    @Slot(object, object)
    def _deliver(self, task: _Task, result: object) -> None:
        if task.generation != self._generation or self._closed:
            task.dropped(result)
        elif not isinstance(result, StudioError):
            task.then(result)
        elif task.failed is not None:
            task.failed(result)
        else:
            self.failed.emit(result)
