"""The toolbox: it hands the pointer to the tool in use, and shows on the canvas what that is about to do."""

from functools import partial

from PySide6.QtCore import QObject, Signal

from unet_studio.core.classes import UNLABELLED
from unet_studio.errors import StudioError
from unet_studio.gui.canvas.canvas import Canvas
from unet_studio.gui.canvas.pointer_events import PointerEvents
from unet_studio.gui.session.accepting import Accepting
from unet_studio.gui.session.changes import Changes
from unet_studio.gui.session.painting import Painting
from unet_studio.gui.tools.brush import Brush, Eraser, SmartBrush
from unet_studio.gui.tools.fill import Fill, Wand
from unet_studio.gui.tools.outline import Accept, EdgeLasso, Lasso, Polygon
from unet_studio.gui.tools.tool import NOTHING, CanvasTool, Pointer, Tool

_NO_CLASS = (255, 255, 255)
"""The colour of what a tool takes back, or of one that has no class of its own."""


class Toolbox(QObject):
    """All tools, and the one in use."""

    tool_changed = Signal(object)  # Tool
    under_way_changed = Signal()

    def __init__(
        self,
        painting: Painting,
        accepting: Accepting,
        canvas: Canvas,
        pointer: PointerEvents,
        parent: QObject | None = None,
    ) -> None:
        super().__init__(parent)
        session = painting.session
        self.tools: dict[Tool, CanvasTool] = {
            Tool.MOVE: CanvasTool(painting),
            Tool.BRUSH: Brush(painting),
            Tool.SMART_BRUSH: SmartBrush(painting),
            Tool.ERASER: Eraser(painting),
            Tool.FILL: Fill(painting),
            Tool.WAND: Wand(painting),
            Tool.LASSO: Lasso(painting),
            Tool.POLYGON: Polygon(painting),
            Tool.EDGE_LASSO: EdgeLasso(painting),
            Tool.ACCEPT: Accept(painting, accepting),
        }
        self._painting = painting
        self._canvas = canvas
        self._pointer = pointer
        self._tool = Tool.MOVE
        for tool in self.tools.values():
            tool.previewed.connect(canvas.show_preview)
        pointer.pressed.connect(self._colour_for)
        pointer.pressed.connect(partial(self._tell, "press"))
        pointer.dragged.connect(partial(self._tell, "drag"))
        pointer.hovered.connect(self._colour_for)
        pointer.hovered.connect(partial(self._tell, "hover"))
        pointer.released.connect(partial(self._tell, "release"))
        pointer.double_clicked.connect(partial(self._tell, "double_click"))
        pointer.finish_asked.connect(self.finish)
        pointer.cancel_asked.connect(self.cancel)
        pointer.step_back_asked.connect(partial(self._tell, "step_back"))
        painting.brush_changed.connect(self._colour_for)
        session.changed.connect(self._on_changes)
        session.finish_tool = self.finish
        # What was begun on the last slide while this one was being read.
        session.plane_opened.connect(self.finish)
        session.slide_failed.connect(self.finish)

    @property
    def tool(self) -> Tool:
        return self._tool

    @property
    def is_under_way(self) -> bool:
        """Whether the tool in use has something to finish."""
        return self.tools[self._tool].is_under_way

    def take(self, tool: Tool) -> None:
        """Use another tool; what is under way ends as an edit first, so that no work is lost."""
        self.finish()
        self._tool = tool
        chosen = self.tools[tool]
        self._pointer.set_tool_look(moves=tool is Tool.MOVE, ring=chosen.shows_ring, held=chosen.is_held)
        self._colour_for()
        self.tool_changed.emit(tool)

    def finish(self) -> None:
        self._pointer.let_go()
        self._tell("finish")
        self._canvas.show_preview(NOTHING)

    def cancel(self) -> None:
        self._pointer.let_go()
        self._tell("cancel")

    def _colour_for(self, at: Pointer | None = None) -> None:
        """Show the colour of what a press at the pointer would paint; what is under way keeps the one it began with."""
        if not self.is_under_way:
            value = self.tools[self._tool].painted(alt=at is not None and at.alt)
            self._canvas.set_colour(_NO_CLASS if value == UNLABELLED else self._painting.colour_of(value))

    def _on_changes(self, changes: Changes) -> None:
        if changes.classes:
            self._colour_for()

    def _tell(self, message: str, *at: Pointer) -> None:
        """Pass a message on to the tool in use; what it can't do is told, and what it did so far is kept."""
        tool = self.tools[self._tool]
        try:
            getattr(tool, message)(*at)
        except StudioError as problem:
            self._painting.tell(problem)
            if message != "finish":
                self.finish()
        self._claim_keys()

    def _claim_keys(self) -> None:
        """While an outline is open, Enter closes it, Backspace takes a corner back and Escape gives it up."""
        if self._pointer.claims_keys != self.is_under_way:
            self._pointer.claims_keys = self.is_under_way
            self.under_way_changed.emit()
