"""Exporting from the window: in a thread, with progress and cancel, while one goes on painting."""

from dataclasses import replace

from PySide6.QtCore import Signal

from unet_studio.core.exchange.exporting import ExportRequest
from unet_studio.core.workspace.workspace import Workspace
from unet_studio.errors import FilesThereError
from unet_studio.gui.controls.notice import Notice, NoticeKind
from unet_studio.gui.jobs.thread_job import ThreadJob
from unet_studio.protocol.values import Progress
from unet_studio.usecases.export import Exported, export


class Exporting(ThreadJob):
    """Runs one export at a time."""

    ended = Signal(int)  # files written

    def export(self, workspace: Workspace, request: ExportRequest) -> None:
        """Write what `request` asks for, as it is when all strokes are on the disk."""
        if self.is_busy:
            return
        unsaved = self.tr(
            "The last strokes are not written yet, so nothing was exported; export again when they are saved."
        )

        def work(progress: Progress) -> Exported | int:
            """What was exported, or the number of files there that a person has to be asked about."""
            with workspace.saved_project(unsaved) as project:
                try:
                    return export(project, request, progress)
                except FilesThereError as error:
                    return error.number

        def then(exported: Exported | int) -> None:
            if isinstance(exported, int):
                self._ask_to_replace(workspace, request, exported)
            else:
                self._on_exported(exported)

        self._run(self.tr("Exporting"), work, then)

    def _ask_to_replace(self, workspace: Workspace, request: ExportRequest, number: int) -> None:
        text = self.tr("%n file(s) there would be replaced that this program didn't write.", "", number)
        again = replace(request, overwrite=True)
        self.notice.emit(
            Notice(text, NoticeKind.WARNING, self.tr("Replace them"), lambda: self.export(workspace, again))
        )
        self.ended.emit(0)

    def _on_exported(self, exported: Exported) -> None:
        if exported.failed:
            text = self.tr("%n slide(s) could not be exported.", "", len(exported.failed))
            details = tuple(problem.reason for problem in exported.failed)
            self.notice.emit(Notice(text, NoticeKind.WARNING, details=details))
        elif not exported.is_complete:
            text = self.tr("Stopped: {written} of %n file(s) written.", "", exported.planned)
            self.notice.emit(Notice(text.format(written=len(exported.files)), NoticeKind.WARNING))
        else:
            self.notice.emit(Notice(self.tr("%n file(s) written.", "", len(exported.files)), NoticeKind.INFO))
        self.ended.emit(len(exported.files))

    def _on_failed(self, error: BaseException) -> None:
        self.ended.emit(0)
