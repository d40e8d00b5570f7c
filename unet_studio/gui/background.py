"""Work off the GUI thread: a function runs in a pool, its result comes back in the GUI thread."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from PySide6.QtCore import QObject, Qt, Signal, Slot


class Background(QObject):
    """A small pool of threads. What was asked for last runs first, since that is what the user looks at now.

    Results of work asked for before `forget` are dropped.
    """

    _finished = Signal(int, object, object, object)

    def __init__(self, threads: int = 2, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._pool = ThreadPoolExecutor(threads, thread_name_prefix="background")
        self._waiting: list[tuple[int, Callable[[], Any], Callable[[Any], None], Callable[[Any], None]]] = []
        self._generation = 0
        self._closed = False
        self._finished.connect(self._deliver, Qt.ConnectionType.QueuedConnection)

    def run(
        self,
        function: Callable[[], Any],
        then: Callable[[Any], None],
        *,
        dropped: Callable[[Any], None] = lambda _: None,
    ) -> None:
        """Run `function` in a thread, then `then(result)` here; an exception is given to `then` as its result.

        A result that nobody wants any more is given to `dropped` instead, so that what it holds open can be closed.
        """
        if self._closed:
            return
        self._waiting.append((self._generation, function, then, dropped))
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
            generation, function, then, dropped = self._waiting.pop()
        except IndexError:
            return  # forgotten in the meantime
        try:
            result = function()
        except Exception as error:
            result = error
        if self._closed:
            dropped(result)
        else:
            self._finished.emit(generation, result, then, dropped)

    @Slot(int, object, object, object)
    def _deliver(
        self, generation: int, result: object, then: Callable[[Any], None], dropped: Callable[[Any], None]
    ) -> None:
        if generation == self._generation and not self._closed:
            then(result)
        else:
            dropped(result)
