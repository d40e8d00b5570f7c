"""The bar below the canvas that says which plane of a stack is shown."""

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QHBoxLayout, QLabel, QSlider, QWidget


class PlaneBar(QWidget):
    """Which plane of a stack is shown; hidden for slides with one."""

    plane_chosen = Signal(int)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._label = QLabel()
        self._slider = QSlider(Qt.Orientation.Horizontal)
        self._slider.setAccessibleName(self.tr("Plane"))
        self._slider.setToolTip(self.tr("Plane of the stack (, and . or Shift+wheel)"))
        layout = QHBoxLayout(self)
        layout.setContentsMargins(8, 4, 8, 4)
        layout.addWidget(self._label)
        layout.addWidget(self._slider)
        self._slider.valueChanged.connect(self.plane_chosen)
        self.hide()

    def set_plane(self, plane: int, planes: int) -> None:
        self._slider.blockSignals(True)
        self._slider.setRange(0, planes - 1)
        self._slider.setValue(plane)
        self._slider.blockSignals(False)
        self._label.setText(self.tr("plane {0} / {1}").format(plane + 1, planes))
        self.setVisible(planes > 1)
