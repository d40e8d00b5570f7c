"""The page on which the work is done: slides, canvas with tools, panels. It only arranges them."""

import math

from PySide6.QtCore import QSize, Qt, Signal
from PySide6.QtGui import QAction
from PySide6.QtWidgets import (
    QDoubleSpinBox,
    QFrame,
    QHBoxLayout,
    QLabel,
    QScrollArea,
    QSlider,
    QSplitter,
    QTabWidget,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from unet_studio.gui.canvas.canvas import Canvas
from unet_studio.gui.canvas.comparison import Comparison
from unet_studio.gui.slide_list.slide_list import SlideListPanel
from unet_studio.gui.window.message_bar import MessageBar

_PANEL_WIDTH = 320
_LIST_WIDTH = 264


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


class WorkPage(QSplitter):
    """Left: where am I. Middle: the slide. Right: what the machine can do for me."""

    def __init__(
        self,
        slides: SlideListPanel,
        canvas: Canvas,
        comparison: Comparison,
        messages: MessageBar,
        rail: ToolRail,
        planes: PlaneBar,
        panels: dict[str, QWidget],
        view: QWidget,
    ) -> None:
        super().__init__(Qt.Orientation.Horizontal)
        self.tabs = QTabWidget()
        self.tabs.setDocumentMode(True)
        for title, panel in panels.items():
            self.tabs.addTab(_scrolling(panel), title)
        side = QWidget()
        side_layout = QVBoxLayout(side)
        side_layout.setContentsMargins(0, 0, 0, 0)
        side_layout.setSpacing(0)
        side_layout.addWidget(self.tabs, 1)
        side_layout.addWidget(view)
        middle = QWidget()
        row = QHBoxLayout()
        row.setSpacing(0)
        tools = _scrolling(rail)  # by wheel and Tab alone, where the window is low: a bar would be as wide as a tool
        tools.setVerticalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        tools.setFixedWidth(rail.sizeHint().width())
        row.addWidget(tools)
        row.addWidget(canvas, 1)
        row.addWidget(comparison.second_view, 1)
        column = QVBoxLayout(middle)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        column.addWidget(messages)
        column.addWidget(comparison.bar)
        column.addLayout(row, 1)
        column.addWidget(planes)

        for widget in (slides, middle, side):
            self.addWidget(widget)
        self.setChildrenCollapsible(False)
        self.setHandleWidth(1)
        self.setStretchFactor(1, 1)
        slides.setMinimumWidth(200)
        side.setMinimumWidth(280)
        self.setSizes([_LIST_WIDTH, 4000, _PANEL_WIDTH])


def _scrolling(panel: QWidget) -> QScrollArea:
    """A panel that scrolls where the window is low, instead of being cut off."""
    area = QScrollArea()
    area.setWidget(panel)
    area.setWidgetResizable(True)
    area.setFrameShape(QFrame.Shape.NoFrame)
    area.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
    return area


def _button(action: QAction) -> QToolButton:
    button = QToolButton()
    button.setDefaultAction(action)
    button.setAutoRaise(True)
    button.setIconSize(QSize(20, 20))
    button.setAccessibleName(action.text())
    return button
