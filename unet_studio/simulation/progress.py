"""The progress of a whole simulation, of which each training and proposal is only a part."""

from unet_studio.protocol.values import Event, Progress, SlideFailed, check_cancelled


class OverallProgress:
    """The progress reporter of a simulation's jobs.

    It passes on the progress of the whole simulation, failures and cancellation, but not the events of each job.
    """

    def __init__(self, progress: Progress) -> None:
        self._progress = progress
        self.cancelled = progress.cancelled

    def at(self, done: float, text: str) -> None:
        """Report the share that is done, 0…1; raises `Cancelled` where the user asked to stop."""
        self._progress.report(min(done, 1.0), text)
        self.check()

    def check(self) -> None:
        """Raise `Cancelled` where the user asked to stop."""
        check_cancelled(self, "The simulation was stopped. Its project was temporary, so nothing of it is left.")

    def report(self, done: float, text: str) -> None:
        """Ignore the progress of a single job."""

    def event(self, event: Event) -> None:
        """Pass on what failed."""
        if isinstance(event, SlideFailed):
            self._progress.event(event)
