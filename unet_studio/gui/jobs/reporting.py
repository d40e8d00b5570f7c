"""The report in the window: worked out and written in the background, with progress and cancel."""

from pathlib import Path

from PySide6.QtCore import QUrl
from PySide6.QtGui import QDesktopServices

from unet_studio.core.files import write_atomically
from unet_studio.core.workspace.workspace import Workspace
from unet_studio.gui.controls.notice import Notice
from unet_studio.gui.jobs.thread_job import ThreadJob
from unet_studio.gui.printing import write_pdf
from unet_studio.protocol.values import Progress
from unet_studio.usecases.reporting.repeat import compare_so_far
from unet_studio.usecases.reporting.report import Report, make_report


class Reporting(ThreadJob):
    """Writes one report at a time, as HTML or PDF."""

    def report(self, workspace: Workspace, path: Path) -> None:
        """Write what the folder comes to, once all strokes are on the disk; the ending of `path` says how."""
        if self.is_busy:
            return
        unsaved = self.tr("The last strokes are not written yet; ask for the report again when they are saved.")

        def work(progress: Progress) -> Report:
            from unet_studio.usecases.reporting.report_html import report_html

            with workspace.saved_project(unsaved) as project:
                repeated = compare_so_far(project, progress=progress)
                made = make_report(project, repeated=repeated, progress=progress)
            html = report_html(made)
            if path.suffix.lower() == ".pdf":
                write_pdf(html, path)
            else:
                write_atomically(path, html.encode())
            return made

        self._run(self.tr("Writing the report"), work, lambda made: self._tell(made, path))

    def _tell(self, report: Report, path: Path) -> None:
        text = self.tr("The report is in '{0}'. May I stop? {1}").format(path.name, report.stop.sentence)

        def show() -> None:
            QDesktopServices.openUrl(QUrl.fromLocalFile(str(path)))

        self.notice.emit(Notice(text, action_text=self.tr("Open it"), action=show))
