"""How far a whole simulation is, of which each training and proposal is only a part."""

from unet_studio.protocol.values import Event, Progress, SlideFailed, check_cancelled


class OverallProgress:
    """The progress reporter of a simulation's jobs.

    It passes on how far the whole simulation is, what failed, and the wish to stop, but not the news of each job.
    """

    def __init__(self, progress: Progress) -> None:
        self._progress = progress
        self.cancelled = progress.cancelled

    def at(self, done: float, text: str) -> None:
        """Say how far it is, the share 0…1; raises `Cancelled` where that is wanted."""
        self._progress.report(min(done, 1.0), text)
        self.check()

    def check(self) -> None:
        """Raise `Cancelled` where that is wanted."""
        check_cancelled(self, "The simulation was stopped. Its project was temporary, so nothing of it is left.")

    def report(self, done: float, text: str) -> None:
        """How far one job is, which nobody needs to know."""

    def event(self, event: Event) -> None:
        """Pass on what failed."""
        if isinstance(event, SlideFailed):
            self._progress.event(event)
