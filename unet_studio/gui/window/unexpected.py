"""Exceptions that nobody foresaw: each is logged with its traceback and told, and the window goes on."""

import logging
import platform
import sys
import threading
from traceback import format_exception
from types import TracebackType

from PySide6.QtCore import QObject, Qt, QTimer, Signal
from PySide6.QtGui import QFontDatabase, QGuiApplication
from PySide6.QtWidgets import QDialog, QDialogButtonBox, QLabel, QPlainTextEdit, QVBoxLayout, QWidget

from unet_studio import __version__
from unet_studio.core.workspace.unsaved import UnsavedState
from unet_studio.errors import UnexpectedError
from unet_studio.gui.session.session import Session
from unet_studio.gui.window.help import open_log_folder

_AGAIN_MS = 100
_log = logging.getLogger(__name__)


class UnexpectedErrors(QObject):
    """Tells what escapes from a slot or a thread: in a dialog the first time, and in a notice when it comes again."""

    _happened = Signal(object, str)  # UnexpectedError, details

    def __init__(self, session: Session, window: QWidget) -> None:
        super().__init__(window)
        self._session = session
        self._window = window
        self._told: set[str] = set()
        self._dialog: UnexpectedDialog | None = None
        self._happened.connect(self._tell, Qt.ConnectionType.QueuedConnection)  # a thread may have raised it

    def install(self) -> None:
        """Take care of all exceptions from now on."""
        sys.excepthook = self._take
        threading.excepthook = lambda hook: self._take(hook.exc_type, hook.exc_value, hook.exc_traceback)

    def _take(self, kind: type[BaseException], error: BaseException | None, traceback: TracebackType | None) -> None:
        if error is None or not issubclass(kind, Exception):
            sys.__excepthook__(kind, error or kind(), traceback)
            return
        _log.critical("Unexpected error", exc_info=(kind, error, traceback))
        said = UnexpectedError(self.tr("what was asked for last"), error)
        self._happened.emit(said, "".join(format_exception(kind, error, traceback)))

    def _tell(self, error: UnexpectedError, details: str) -> None:
        if QGuiApplication.mouseButtons() != Qt.MouseButton.NoButton:  # never in the middle of a stroke
            QTimer.singleShot(_AGAIN_MS, self, lambda: self._tell(error, details))
        elif details in self._told or self._dialog is not None:
            self._session.tell(error)
        else:
            self._told.add(details)
            self._dialog = UnexpectedDialog(self._session, str(error), details, self._window)
            self._dialog.finished.connect(self._forget)
            self._dialog.open()

    def _forget(self) -> None:
        self._dialog = None


class UnexpectedDialog(QDialog):
    """Says what happened, whether all is saved, and what to send along.

    ┃ Something unexpected went wrong: …
    ┃ All that you did is saved. You can go on; …
    ┃ ┌ details ─────────────────────────┐
    ┃ [Copy details] [Open the log]     [Go on]
    """

    def __init__(self, session: Session, sentence: str, details: str, parent: QWidget) -> None:
        super().__init__(parent)
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.setWindowTitle(self.tr("Something unexpected happened"))
        facts = f"U-Net Studio {__version__}, Python {platform.python_version()}, {platform.platform()}"
        what = QLabel(sentence)
        self._saved = QLabel()
        self._details = QPlainTextEdit(f"{facts}\n\n{details}")
        self._details.setReadOnly(True)
        self._details.setLineWrapMode(QPlainTextEdit.LineWrapMode.NoWrap)
        self._details.setFont(QFontDatabase.systemFont(QFontDatabase.SystemFont.FixedFont))
        self._details.setAccessibleName(self.tr("Details of the error"))
        buttons = QDialogButtonBox()
        copy = buttons.addButton(self.tr("&Copy details"), QDialogButtonBox.ButtonRole.ActionRole)
        copy.setToolTip(self.tr("Copy what is written above, to send it to the developers"))
        log = buttons.addButton(self.tr("Open the &log"), QDialogButtonBox.ButtonRole.ActionRole)
        log.setToolTip(self.tr("Open the folder of the log files; 'unet-studio doctor --bundle' packs them"))
        go_on = buttons.addButton(self.tr("&Go on"), QDialogButtonBox.ButtonRole.AcceptRole)
        go_on.setDefault(True)
        layout = QVBoxLayout(self)
        layout.setSpacing(12)
        for label in (what, self._saved):
            label.setWordWrap(True)
            label.setTextFormat(Qt.TextFormat.PlainText)
            label.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
            layout.addWidget(label)
        layout.addWidget(self._details, 1)
        layout.addWidget(buttons)
        copy.clicked.connect(lambda: QGuiApplication.clipboard().setText(self._details.toPlainText()))
        log.clicked.connect(open_log_folder)
        buttons.accepted.connect(self.accept)
        session.saving_changed.connect(self._show_saved)
        workspace = session.workspace
        self._show_saved(workspace.unsaved.state() if workspace is not None else UnsavedState())
        self.resize(640, 400)
        go_on.setFocus()

    def _show_saved(self, state: UnsavedState) -> None:
        if state.count:
            saved = self.tr("%n change(s) are not on the disk yet; saving goes on.", "", state.count)
        else:
            saved = self.tr("All that you did is saved.")
        self._saved.setText(
            self.tr("{0} You can go on. If what you see looks wrong, close the window and open it again.").format(saved)
        )
