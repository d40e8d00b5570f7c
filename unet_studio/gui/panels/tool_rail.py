"""The rail beside the canvas: the tools above each other, and the size of the brush."""

import math

from PySide6.QtCore import QSize, Qt, Signal
from PySide6.QtGui import QAction
from PySide6.QtWidgets import QDoubleSpinBox, QToolButton, QVBoxLayout, QWidget


class ToolRail(QWidget):
    """Tools above each other, and the brush's size."""

    size_chosen = Signal(int)
    size_entered = Signal()  # Return was pressed in the field

    def __init__(self, tools: list[QAction], others: list[QAction], parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._um_a_pixel: float | None = None
        self._size = QDoubleSpinBox(minimum=1, maximum=1000, suffix=self.tr(" px"), decimals=0)
        self._size.setFixedWidth(80)
        self._size.setKeyboardTracking(False)  # while a number is typed it isn't one yet
        self._size.setAccessibleName(self.tr("Brush diameter"))
        self._size.setToolTip(
            self.tr("Diameter of brush and eraser, in pixels of the slide or µm ([ and ], Ctrl+wheel)")
        )

        layout = QVBoxLayout(self)
        layout.setContentsMargins(4, 8, 4, 8)
        layout.setSpacing(4)
        for action in tools:
            layout.addWidget(_button(action), alignment=Qt.AlignmentFlag.AlignHCenter)
        layout.addSpacing(8)
        layout.addWidget(self._size, alignment=Qt.AlignmentFlag.AlignHCenter)
        layout.addSpacing(8)
        for action in others:
            layout.addWidget(_button(action), alignment=Qt.AlignmentFlag.AlignHCenter)
        layout.addStretch()

        self._size.valueChanged.connect(self._on_size)
        self._size.lineEdit().returnPressed.connect(self.size_entered)

    def set_size(self, size: int, um_a_pixel: float | None) -> None:
        """Show the brush's diameter in pixels, or in micrometres where `um_a_pixel` is given."""
        self._um_a_pixel = um_a_pixel
        scale = um_a_pixel or 1.0
        self._size.blockSignals(True)
        # One decimal more than it takes to tell sizes a pixel apart.
        self._size.setDecimals(0 if um_a_pixel is None else max(2, math.ceil(-math.log10(um_a_pixel)) + 1))
        self._size.setSuffix(self.tr(" px") if um_a_pixel is None else self.tr(" µm"))
        self._size.setRange(scale, 1000 * scale)
        self._size.setSingleStep(scale)
        self._size.setValue(size * scale)
        self._size.blockSignals(False)

    def _on_size(self, value: float) -> None:
        self.size_chosen.emit(round(value / (self._um_a_pixel or 1.0)))


def _button(action: QAction) -> QToolButton:
    button = QToolButton()
    button.setDefaultAction(action)
    button.setAutoRaise(True)
    button.setIconSize(QSize(20, 20))
    button.setAccessibleName(action.text())
    return button
