"""Drawing the audit sample from the window."""

from PySide6.QtCore import QObject

from unet_studio.core.project.audit import choose_audit, unfit_for_audit
from unet_studio.core.workspace.workspace import Workspace
from unet_studio.gui.background import Background
from unet_studio.gui.controls.notice import Notice, NoticeKind
from unet_studio.gui.panels.message_bar import MessageBar
from unet_studio.gui.session.session import Session
from unet_studio.gui.slide_list.slide_list import SlideListPanel


class AuditSample(QObject):
    """Draws slides at random that are kept apart from training, and marks them in the list."""

    def __init__(
        self, session: Session, background: Background, slides: SlideListPanel, messages: MessageBar, parent: QObject
    ) -> None:
        super().__init__(parent)
        self._session = session
        self._background = background
        self._slides = slides
        self._messages = messages

    def show(self, workspace: Workspace) -> None:
        """Mark the slides of a folder that was opened."""
        self._slides.set_audit(workspace.judging.audit)

    def draw(self) -> None:
        """Draw one slide in ten of those that nobody labelled; a click on what is said then takes it back."""
        workspace = self._session.workspace
        if workspace is None or not self._session.may_edit():
            return
        unsaved = self.tr("The last strokes are not written yet; draw the sample again when they are saved.")

        def work() -> frozenset[str]:
            with workspace.saved_project(unsaved) as project:
                taken = unfit_for_audit(project)
            return choose_audit(workspace.slides, workspace.judging.audit, taken=taken)

        def take(drawn: frozenset[str]) -> None:
            if self._session.workspace is workspace:
                self._set(workspace, workspace.judging.audit | drawn)
                self._tell(workspace, drawn)

        self._background.run("drawing the audit sample", work, take, failed=self._session.tell)

    def _set(self, workspace: Workspace, slides: frozenset[str]) -> None:
        workspace.judging.set_audit(slides)
        self._slides.set_audit(slides)

    def _tell(self, workspace: Workspace, drawn: frozenset[str]) -> None:
        def take_back() -> None:
            if self._session.workspace is workspace:
                self._set(workspace, workspace.judging.audit - drawn)

        text = self.tr(
            "An audit sample was drawn, {0} of {1} slides. No model learns from them or is chosen by them; correct and "
            "review them as all others, and they tell what the masks are worth."
        ).format(len(drawn), len(workspace.slides))
        notice = Notice(text, NoticeKind.INFO, self.tr("Take back"), take_back, details=tuple(sorted(drawn)))
        self._messages.show_notice(notice)
