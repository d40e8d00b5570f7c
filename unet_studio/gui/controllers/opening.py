"""Opening folders of slides: chosen, dropped, gone back to, or the demo; and where their projects are kept."""

from pathlib import Path

from PySide6.QtCore import QEvent, QObject
from PySide6.QtGui import QDragEnterEvent, QDropEvent
from PySide6.QtWidgets import QFileDialog, QWidget

from unet_studio.demo.slides import prepare_demo
from unet_studio.errors import StudioError
from unet_studio.gui import settings
from unet_studio.gui.controls.notice import Notice, NoticeKind
from unet_studio.gui.jobs.jobs import Jobs
from unet_studio.gui.panels.message_bar import MessageBar
from unet_studio.gui.session.session import Session


class Opening(QObject):
    """Opens a folder in place of the one that is open, and asks a person which, and where its project shall be kept."""

    def __init__(self, session: Session, tasks: Jobs, messages: MessageBar, window: QWidget) -> None:
        super().__init__(window)
        self._session = session
        self._tasks = tasks
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
