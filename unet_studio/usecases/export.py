"""Exporting: masks or overlays of a project are written to a folder."""

from dataclasses import dataclass
from pathlib import Path

from unet_studio.core.exchange import exporting
from unet_studio.core.exchange.exporting import ExportRequest, check_nothing_is_lost, plan_export
from unet_studio.core.project.store import Project
from unet_studio.protocol.values import NO_PROGRESS, Progress, SlideFailed


@dataclass(frozen=True, slots=True)
class Exported:
    """The files that were written, and what could not be; fewer than were planned where the user asked to stop."""

    files: tuple[Path, ...]
    failed: tuple[SlideFailed, ...]
    planned: int

    @property
    def is_complete(self) -> bool:
        """Whether the user let it come to its end."""
        return len(self.files) + len(self.failed) == self.planned


def export(project: Project, request: ExportRequest, progress: Progress = NO_PROGRESS) -> Exported:
    """Write what is asked for, file by file; a slide that can't be written is reported and the others go on.

    Raises StudioError at once for what `plan_export` and `check_nothing_is_lost` refuse.
    """
    files: list[Path] = []
    failed: list[SlideFailed] = []
    planned = plan_export(project, request)
    check_nothing_is_lost(request, planned)
    for number, outcome in enumerate(exporting.export(project, request, planned), start=1):
        if outcome.file is not None:
            files.append(outcome.file)
        else:
            failed.append(SlideFailed(outcome.slide, outcome.problem))
            progress.event(failed[-1])
        progress.report(number / len(planned), outcome.slide)
        if progress.cancelled():
            break
    return Exported(tuple(files), tuple(failed), len(planned))
