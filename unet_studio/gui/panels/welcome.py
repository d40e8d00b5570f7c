"""What is there before a folder is open: how to begin."""

from pathlib import Path

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QAction
from PySide6.QtWidgets import QLabel, QPushButton, QVBoxLayout, QWidget

from unet_studio.gui.controls.buttons import action_button, heading

_WIDTH = 640
"""Of what is said of a folder that can't be opened, in pixels."""


class Welcome(QWidget):
    """Open a folder, drop one, try the demo, or go on with a recent one."""

    folder_chosen = Signal(Path)

    def __init__(self, open_folder: QAction, demo: QAction, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        title = QLabel("U-Net Studio")
        font = title.font()
        font.setPointSizeF(font.pointSizeF() * 2)
        title.setFont(font)
        intro = QLabel(
            self.tr("Open a folder of slides, or drop one here. A U-Net proposes masks, you put them right.")
        )
        self._problem = QLabel()
        self._problem.setWordWrap(True)
        self._problem.setFixedWidth(_WIDTH)
        self._problem.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        self._problem.hide()
        self._recent_title = heading(self.tr("Recent folders"))
        self._recent = QVBoxLayout()
        self._recent.setSpacing(0)

        column = QVBoxLayout()
        column.setSpacing(8)
        column.addWidget(title)
        column.addWidget(intro)
        column.addWidget(self._problem)
        column.addSpacing(16)
        for action in (open_folder, demo):
            button = action_button(action)
            button.setMinimumWidth(240)
            column.addWidget(button, alignment=Qt.AlignmentFlag.AlignLeft)
        column.addSpacing(16)
        column.addWidget(self._recent_title)
        column.addLayout(self._recent)
        layout = QVBoxLayout(self)
        layout.addStretch()
        holder = QWidget()
        holder.setLayout(column)
        layout.addWidget(holder, alignment=Qt.AlignmentFlag.AlignHCenter)
        layout.addStretch()

    def set_problem(self, text: str) -> None:
        """Say why the folder that was asked for isn't open; an empty text: none was."""
        self._problem.setText(f"⚠ {text}")
        self._problem.setFixedHeight(self._problem.heightForWidth(_WIDTH))  # which the layout wouldn't ask for
        self._problem.setVisible(bool(text))

    def set_recent(self, folders: list[Path]) -> None:
        """Offer these folders, newest first."""
        while (item := self._recent.takeAt(0)) is not None:
            widget = item.widget()
            if widget is not None:
                widget.deleteLater()
        for folder in folders:
            button = QPushButton(str(folder))
            button.setFlat(True)
            button.setStyleSheet("text-align: left;")
            button.setAccessibleName(self.tr("Open {0}").format(folder))
            button.clicked.connect(lambda _=False, folder=folder: self.folder_chosen.emit(folder))
            self._recent.addWidget(button)
        self._recent_title.setVisible(bool(folders))
