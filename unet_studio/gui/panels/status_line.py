"""The status line: what is true right now. Under the cursor, saved, running, device."""

from PySide6.QtCore import Qt, QTimer, Signal
from PySide6.QtGui import QPainter, QPaintEvent, QPalette
from PySide6.QtWidgets import QHBoxLayout, QLabel, QSizePolicy, QStatusBar, QWidget

from unet_studio.core.workspace.unsaved import UnsavedState
from unet_studio.gui.jobs.activity import Activity
from unet_studio.gui.panels.activity_row import ActivityRow
from unet_studio.protocol.messages import Ready


class StatusLine(QStatusBar):
    """Read from left to right: position and value, hints, activities with cancel, saved, device."""

    cancel_asked = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._position = QLabel()
        self._position.setMinimumWidth(
            self.fontMetrics().horizontalAdvance("y 00000  x 00000 · raw 00000 · membrane 0.00")
        )
        self._hint = _Hint()
        self._saved = QLabel()
        self._device = QLabel(self.tr("Starting the network…"))
        self._activities = QHBoxLayout()
        self._activities.setContentsMargins(0, 0, 0, 0)
        self._activities.setSpacing(16)
        holder = QWidget()
        holder.setLayout(self._activities)
        # The line has one height, or the picture would move as work begins and ends.
        holder.setMinimumHeight(ActivityRow(Activity("", lambda: None)).sizeHint().height())
        self.setSizeGripEnabled(False)
        self.setContentsMargins(8, 0, 8, 0)
        self.addWidget(self._position)
        self.addWidget(self._hint, 1)
        for widget in (holder, self._saved, self._device):
            self.addPermanentWidget(widget)
        self._unsaved = 0
        # A stroke is written in a few milliseconds: only what takes longer is worth a flicker.
        self._slow = QTimer(self, singleShot=True, interval=300)
        self._slow.timeout.connect(self._show_pending)
        self.set_saved(UnsavedState())
        self._saved.hide()

    def set_position(self, text: str) -> None:
        self._position.setText(text)

    def set_hint(self, text: str) -> None:
        """Say what the tool in use does, and what Shift and Alt change about it."""
        self._hint.setText(text)
        self._hint.setToolTip(text)

    def set_saved(self, state: UnsavedState) -> None:
        """Show how much is not on the disk, why, and what never will be."""
        self._saved.show()
        self._unsaved = state.count
        if state.lost:
            self._slow.stop()
            self._say(self.tr("⚠ %n change(s) could not be saved", "", len(state.lost)), "\n".join(state.lost))
        elif state.problem:
            self._slow.stop()
            self._say(self.tr("⚠ %n change(s) not saved yet", "", state.count), state.problem)
        elif state.count and not self._slow.isActive():
            self._slow.start()
        elif not state.count:
            self._slow.stop()
            self._say(self.tr("✓ All strokes saved"), self.tr("Every stroke is on the disk"))

    def hide_saved(self) -> None:
        """Nothing is open that could be saved."""
        self._slow.stop()
        self._saved.hide()

    def _say(self, text: str, more: str) -> None:
        self._saved.setText(text)
        self._saved.setToolTip(more)

    def set_read_only(self, reason: str) -> None:
        self._saved.setText(self.tr("Read-only"))
        self._saved.setToolTip(reason)
        self._saved.show()

    def set_device(self, ready: Ready) -> None:
        self._device.setText(ready.device)
        self._device.setToolTip(ready.reason)
        self._device.setAccessibleName(self.tr("Device: {0}. {1}").format(ready.device, ready.reason))

    def set_device_problem(self, sentence: str) -> None:
        self._device.setText(self.tr("⚠ Worker stopped"))
        self._device.setToolTip(sentence)

    def add_activity(self, activity: Activity) -> None:
        row = ActivityRow(activity)
        self._activities.addWidget(row)
        activity.ended.connect(row.deleteLater)

    def _show_pending(self) -> None:
        self._say(self.tr("Saving %n change(s)…", "", self._unsaved), self.tr("They are on their way to the disk"))


class _Hint(QLabel):
    """A text in a muted colour, cut to the room that the others leave."""

    def __init__(self) -> None:
        super().__init__()
        self.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Preferred)

    def paintEvent(self, _event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.setPen(self.palette().color(QPalette.ColorRole.PlaceholderText))
        text = self.fontMetrics().elidedText(self.text(), Qt.TextElideMode.ElideRight, self.width())
        painter.drawText(self.rect(), Qt.AlignmentFlag.AlignVCenter, text)
