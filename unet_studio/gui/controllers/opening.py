"""Opening folders of slides: chosen, dropped, gone back to, or the demo; and where their projects are kept."""

from functools import partial
from pathlib import Path

from PySide6.QtCore import QEvent, QObject, QTimer
from PySide6.QtGui import QDragEnterEvent, QDropEvent
from PySide6.QtWidgets import QFileDialog, QWidget

from unet_studio.core.project.lock import writing
from unet_studio.demo.slides import prepare_demo
from unet_studio.errors import StudioError
from unet_studio.gui import settings
from unet_studio.gui.background import Background
from unet_studio.gui.controls.notice import Notice, NoticeKind
from unet_studio.gui.jobs.jobs import Jobs
from unet_studio.gui.panels.message_bar import MessageBar
from unet_studio.gui.session.session import Session

_LOOK_MS = 5000
"""So often a project that can only be looked at is tried again."""


class Opening(QObject):
    """Opens a folder in place of the one that is open, and asks a person which, and where its project shall be kept."""

    def __init__(
        self, session: Session, tasks: Jobs, background: Background, messages: MessageBar, window: QWidget
    ) -> None:
        super().__init__(window)
        self._session = session
        self._tasks = tasks
        self._background = background
        self._waiting = QTimer(self, singleShot=True, interval=_LOOK_MS)
        self._waiting.timeout.connect(self._look_again)
        self._messages = messages
        self._window = window
        window.setAcceptDrops(True)
        window.installEventFilter(self)

    def open_folder(self, folder: Path, place: Path | None = None) -> None:
        """Open a folder of slides; a file stands for the folder it is in. `place` is where its project is kept."""
        folder = (folder.parent if folder.is_file() else folder).resolve()
        if not self._session.may_leave():
            return
        self._tasks.stop()
        self._session.close_folder(discard=True)  # what is left the person gave up
        self._messages.clear()
        if self._session.open_folder(folder, place or settings.place_of(folder)):
            settings.remember_folder(folder)
            if place is not None:
                settings.remember_place(folder, place)
            self._waiting.start()
        self._tasks.proposing.worker.start()

    def ask_folder(self) -> None:
        """Have a person choose a folder, and open it."""
        chosen = QFileDialog.getExistingDirectory(self._window, self.tr("Open a folder of slides"))
        if chosen:
            self.open_folder(Path(chosen))

    def open_demo(self) -> None:
        """Open a copy of the bundled slides, which may be painted on."""
        try:
            self.open_folder(prepare_demo())
        except StudioError as error:
            self._messages.show_notice(Notice(str(error), NoticeKind.ERROR))

    def offer_place(self, folder: Path, reason: str) -> None:
        """Say why the project of a folder can't be kept beside its slides, and offer to choose another place."""
        self._messages.show_notice(
            Notice(reason, NoticeKind.WARNING, self.tr("Choose a place…"), lambda: self._ask_place(folder))
        )

    def _look_again(self) -> None:
        """A project that could only be looked at may be free to be written by now."""
        workspace = self._session.workspace
        if workspace is None or not workspace.read_only:
            return

        def try_writing() -> None:
            with writing(workspace.place):
                pass

        def offer(_: None) -> None:
            if self._session.workspace is workspace:
                text = self.tr("This project can be changed again: nothing else writes to it now.")
                edit = partial(self.open_folder, workspace.folder)
                self._messages.show_notice(Notice(text, NoticeKind.WARNING, self.tr("Open it to edit"), edit))

        again = self._waiting.start
        self._background.run("looking whether it is free", try_writing, offer, failed=lambda _: again())

    def _ask_place(self, folder: Path) -> None:
        chosen = QFileDialog.getExistingDirectory(self._window, self.tr("Where shall the project be kept?"))
        if chosen:
            self.open_folder(folder, Path(chosen) / folder.name)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """A folder or a file that is dropped on the window is opened."""
        if isinstance(event, QDragEnterEvent):
            if event.mimeData().hasUrls() and event.mimeData().urls()[0].isLocalFile():
                event.acceptProposedAction()
            return True
        if isinstance(event, QDropEvent) and event.type() == QEvent.Type.Drop:
            self.open_folder(Path(event.mimeData().urls()[0].toLocalFile()))
            event.acceptProposedAction()
            return True
        return False
