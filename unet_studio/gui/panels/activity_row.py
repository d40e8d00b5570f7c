"""One piece of long work as it is shown: its title, how far it is, the time that is left, and cancel."""

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QHBoxLayout, QLabel, QProgressBar, QWidget

from unet_studio.gui.controls.buttons import tool_button
from unet_studio.gui.jobs.activity import Activity


class ActivityRow(QWidget):
    """Title, bar, remaining time, cancel."""

    def __init__(self, activity: Activity) -> None:
        super().__init__()
        self._activity = activity
        self._text = QLabel()
        self._bar = QProgressBar(minimum=0, maximum=1000, textVisible=False)
        self._bar.setFixedSize(96, 8)
        self._bar.setAccessibleName(activity.title)
        cancel = tool_button("x", self.tr("Cancel (Esc)"))
        cancel.setAccessibleName(self.tr("Cancel: {0}").format(activity.title))

        layout = QHBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self._text)
        layout.addWidget(self._bar, alignment=Qt.AlignmentFlag.AlignVCenter)
        layout.addWidget(cancel)

        cancel.clicked.connect(activity.cancel)
        activity.changed.connect(self._update)
        self._update()

    def _update(self) -> None:
        activity = self._activity
        self._bar.setValue(round(activity.done * 1000))
        if activity.is_cancelled:
            self._text.setText(self.tr("{0} · stopping…").format(activity.title))
            return
        remaining = activity.remaining()
        left = self.tr(" · {0} left").format(_duration(remaining)) if remaining is not None else ""
        self._text.setText(activity.title + left)
        self._text.setToolTip(activity.detail)


def _duration(seconds: float) -> str:
    return f"{round(seconds)} s" if seconds < 90 else f"{round(seconds / 60)} min"
