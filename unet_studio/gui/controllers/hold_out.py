"""Holding slides out by hand, and what a training would learn and be judged on."""

from PySide6.QtCore import QObject, QTimer, Signal
from PySide6.QtGui import QAction

from unet_studio.core.project.hold_out import say_held_out, say_let_go
from unet_studio.core.project.store import Project
from unet_studio.core.scoring.lesson import Basis, Lesson, describe_lesson, read_lesson
from unet_studio.gui.background import Background
from unet_studio.gui.controls.notice import Notice, NoticeKind
from unet_studio.gui.jobs.jobs import Jobs
from unet_studio.gui.panels.message_bar import MessageBar
from unet_studio.gui.panels.retrain_panel import RetrainPanel
from unet_studio.gui.session.changes import Changes
from unet_studio.gui.session.session import Session
from unet_studio.gui.slide_list.slide_list import SlideListPanel

_SOON_MS = 400
"""After a stroke, that the counting doesn't follow each of many."""


class HoldOut(QObject):
    """Takes the selected slides into the hold-out or off it; what comes of it is said before, and can be taken back."""

    changed = Signal()
    """Other slides are selected, or held out."""

    def __init__(self, session: Session, slides: SlideListPanel, messages: MessageBar, parent: QObject) -> None:
        super().__init__(parent)
        self._session = session
        self._slides = slides
        self._messages = messages
        self.to_hold: frozenset[str] = frozenset()  # of the selected slides with those of their groups
        self.to_let_go: frozenset[str] = frozenset()
        slides.selection_changed.connect(self._look)
        session.changed.connect(self._refresh)

    def show(self) -> None:
        """Mark the held-out slides in the list."""
        if self._session.workspace is not None:
            self._slides.set_hold_out(self._session.workspace.judging.hold_out)
            self._look()

    def _look(self) -> None:
        """Find what is selected, once for all who ask: of a large folder that takes some milliseconds."""
        workspace = self._session.workspace
        chosen = workspace.judging.with_groups(self._slides.selected()) if workspace is not None else frozenset()
        held = workspace.judging.hold_out if workspace is not None else frozenset()
        self.to_hold, self.to_let_go = chosen - held, chosen & held
        self.changed.emit()

    def explain(self, hold_out: QAction, learn_from: QAction) -> None:
        """Say what comes of these actions, in the tooltips that the menu shows."""
        workspace = self._session.workspace
        for action, slides in ((hold_out, self.to_hold), (learn_from, self.to_let_go)):
            if workspace is not None and slides:
                what = say_let_go(slides) if action is learn_from else say_held_out(slides, workspace.judging.learned)
                action.setToolTip(f"{action.toolTip().partition(chr(10))[0]}\n{what}")
                action.setStatusTip(what)

    def hold_out(self) -> None:
        """Hold out what is selected; a click on what is said then takes it back."""
        workspace, slides = self._session.workspace, self.to_hold
        if workspace is not None and slides:
            self._change(slides, held=True, said=say_held_out(slides, workspace.judging.learned))

    def learn_from(self) -> None:
        """Have what is selected learned from."""
        slides = self.to_let_go
        if slides:
            self._change(slides, held=False, said=say_let_go(slides))

    def _change(self, slides: frozenset[str], *, held: bool, said: str) -> None:
        session, workspace = self._session, self._session.workspace
        session.change_hold_out(slides, held=held)

        def take_back() -> None:
            if session.workspace is workspace:
                session.change_hold_out(slides, held=not held)

        self._messages.show_notice(
            Notice(said, NoticeKind.INFO, self.tr("Take back"), take_back, details=tuple(sorted(slides)))
        )

    def _refresh(self, changes: Changes) -> None:
        if changes.hold_out:
            self.show()


class LessonReading(QObject):
    """Counts what is labelled off the GUI thread, a moment after it changed, and shows what can be learned from it."""

    read = Signal(object)  # Lesson

    def __init__(
        self, session: Session, tasks: Jobs, background: Background, panel: RetrainPanel, parent: QObject
    ) -> None:
        super().__init__(parent)
        self.can_learn = True
        self._session = session
        self._tasks = tasks
        self._background = background
        self._panel = panel
        self._timer = QTimer(self, singleShot=True, interval=_SOON_MS)
        self._timer.timeout.connect(self._count)
        session.changed.connect(self._refresh)

    def _refresh(self, changes: Changes) -> None:
        if changes.slides or changes.all_slides or changes.hold_out or changes.classes or changes.models:
            self._timer.start()

    def show(self) -> None:
        """Count what is labelled in a folder that was opened."""
        self._take(Lesson())
        self._timer.start()

    def _count(self) -> None:
        workspace = self._session.workspace
        if workspace is None or not workspace.states:
            self._take(Lesson())  # the first stroke is enough to retrain, before it is counted
            self._panel.set_lesson(describe_lesson(Basis(())))
            return
        if workspace.journal.pending:
            self._timer.start()  # what is stored is about to change
            return
        has_start = self._tasks.start_model() is not None

        def work() -> Lesson:
            with Project.open(workspace.folder, place=workspace.place) as project:
                return read_lesson(project, has_start=has_start)

        def take(lesson: Lesson) -> None:
            if self._session.workspace is workspace:
                self._take(lesson)

        self._background.run("counting what is labelled", work, take, failed=lambda _: None)

    def _take(self, lesson: Lesson) -> None:
        self.can_learn = not lesson.refusal
        self._panel.set_lesson(lesson)
        self.read.emit(lesson)
