"""The slim bar above the canvas while two mask sources are compared: which two, and how."""

from collections.abc import Sequence
from typing import cast

from PySide6.QtCore import Signal
from PySide6.QtGui import QStandardItemModel
from PySide6.QtWidgets import QButtonGroup, QComboBox, QHBoxLayout, QLabel, QToolButton, QWidget

from unet_studio.core.masks.sources import MaskSource
from unet_studio.gui.comparing.modes import CompareMode
from unet_studio.gui.controls.buttons import tool_button

_LIST_ROOM = 24  # beside the names


class CompareBar(QWidget):
    """Compare [mask ▾] with [labels ▾]   [Swipe | Side by side]   ✕"""

    sources_chosen = Signal(object, object)  # MaskSource, MaskSource
    mode_chosen = Signal(object)  # CompareMode
    close_asked = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._sources: tuple[MaskSource, ...] = ()
        self._first, self._second = _choice(self.tr("Shown first")), _choice(self.tr("Shown second"))
        self._words = QLabel(self.tr("Compare")), QLabel(self.tr("with"))
        self._empty = QLabel()
        self._modes = {
            CompareMode.SWIPE: _mode_button(self.tr("Swipe"), self.tr("A divider to drag over the slide (D)")),
            CompareMode.SIDE: _mode_button(self.tr("Side by side"), self.tr("Two views that move together (Shift+D)")),
        }
        close = tool_button("x", self.tr("Stop comparing"))

        layout = QHBoxLayout(self)
        layout.setContentsMargins(12, 4, 8, 4)
        layout.setSpacing(8)
        for widget in (self._words[0], self._first, self._words[1], self._second, self._empty):
            layout.addWidget(widget)
        layout.addSpacing(8)
        group = QButtonGroup(self)
        for mode, button in self._modes.items():
            group.addButton(button)
            layout.addWidget(button)
            button.clicked.connect(lambda _checked, mode=mode: self.mode_chosen.emit(mode))
        layout.addStretch()
        layout.addWidget(close)

        self._first.activated.connect(self._choose)
        self._second.activated.connect(self._choose)
        close.clicked.connect(self.close_asked)
        self.hide()

    def show_sources(self, sources: Sequence[MaskSource], pair: tuple[MaskSource, MaskSource]) -> None:
        """Offer `sources`, of which `pair` is compared; what one field shows can't be chosen in the other."""
        self._sources = tuple(sources)
        for choice, source, other in zip((self._first, self._second), pair, reversed(pair), strict=True):
            choice.clear()
            choice.addItems([source.name for source in self._sources])
            choice.view().setMinimumWidth(choice.view().sizeHintForColumn(0) + _LIST_ROOM)
            choice.setCurrentIndex(self._sources.index(source))
            cast("QStandardItemModel", choice.model()).item(self._sources.index(other)).setEnabled(False)
        self._show_empty("")

    def show_nothing(self, reason: str) -> None:
        """Say why there is nothing to compare."""
        self._show_empty(reason)

    def set_mode(self, mode: CompareMode) -> None:
        self._modes[mode].setChecked(True)

    def _show_empty(self, reason: str) -> None:
        self._empty.setText(reason)
        self._empty.setVisible(bool(reason))
        for widget in (*self._words, self._first, self._second):
            widget.setVisible(not reason)

    def _choose(self) -> None:
        self.sources_chosen.emit(self._sources[self._first.currentIndex()], self._sources[self._second.currentIndex()])


def _choice(name: str) -> QComboBox:
    choice = QComboBox()
    choice.setAccessibleName(name)
    choice.setToolTip(name)
    choice.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToContents)
    return choice


def _mode_button(text: str, tooltip: str) -> QToolButton:
    button = QToolButton()
    button.setText(text)
    button.setToolTip(tooltip)
    button.setCheckable(True)
    return button
