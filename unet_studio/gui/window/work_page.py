"""The page on which the work is done: slides, canvas with tools, panels. It only arranges them."""

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QFrame, QHBoxLayout, QScrollArea, QSplitter, QTabWidget, QVBoxLayout, QWidget

from unet_studio.gui.canvas.canvas import Canvas
from unet_studio.gui.comparing.comparison import Comparison
from unet_studio.gui.panels.message_bar import MessageBar
from unet_studio.gui.panels.plane_bar import PlaneBar
from unet_studio.gui.panels.tool_rail import ToolRail
from unet_studio.gui.slide_list.slide_list import SlideListPanel

_PANEL_WIDTH = 320
_LIST_WIDTH = 264


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
        self._panels = list(panels.values())
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

    def show_panel(self, panel: QWidget) -> None:
        """Bring one of the panels at the right to the front."""
        self.tabs.setCurrentIndex(self._panels.index(panel))


def _scrolling(panel: QWidget) -> QScrollArea:
    """A panel that scrolls where the window is low, instead of being cut off."""
    area = QScrollArea()
    area.setWidget(panel)
    area.setWidgetResizable(True)
    area.setFrameShape(QFrame.Shape.NoFrame)
    area.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
    return area
