"""How far a whole simulation is, of which each training and proposal is only a part."""

from typing import Any

from unet_studio.errors import Cancelled
from unet_studio.worker.protocol import Listener


class OverallProgress:
    """The listener of a simulation's jobs.

    It passes on how far the whole simulation is, what failed, and the wish to stop, but not the news of each job.
    """

    def __init__(self, listener: Listener) -> None:
        self._listener = listener
        self.cancelled = listener.cancelled

    def at(self, done: float, text: str) -> None:
        """Say how far it is, the share 0…1; raises `Cancelled` where that is wanted."""
        self._listener.progress(min(done, 1.0), text)
        self.check()

    def check(self) -> None:
        """Raise `Cancelled` where that is wanted."""
        if self.cancelled():
            raise Cancelled("The simulation was stopped. Its project was temporary, so nothing of it is left.")

    def progress(self, done: float, text: str) -> None:
        """How far one job is, which nobody needs to know."""

    def event(self, name: str, **params: Any) -> None:
        """Pass on what failed."""
        if name == "failed":
            self._listener.event(name, **params)
