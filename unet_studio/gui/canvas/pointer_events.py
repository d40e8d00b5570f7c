"""What the pointer does over the canvas, as intentions in (y, x) of the plane; devices say what moves it."""

from PySide6.QtCore import QObject, QPointF, QRectF, Qt, Signal

from unet_studio.gui.canvas.canvas import Canvas
from unet_studio.gui.tools.tool import Pointer

_NO_BUTTON = Qt.MouseButton.NoButton
_NO_MODIFIER = Qt.KeyboardModifier.NoModifier


class PointerEvents(QObject):
    """Follows the pointer over the canvas and tells what it does; a drag may also move the view.

    The pointer is the mouse, a pen, or the keyboard: arrows move it over the slide, and a key presses it.
    """

    pressed = Signal(object)  # Pointer
    dragged = Signal(object)
    hovered = Signal(object)
    released = Signal(object)
    double_clicked = Signal(object)
    finish_asked = Signal()
    cancel_asked = Signal()
    step_back_asked = Signal()
    moved = Signal(float, float)  # y, x
    left = Signal()

    def __init__(self, canvas: Canvas) -> None:
        super().__init__(canvas)
        self.claims_keys = False
        """Whether Enter, Backspace and Escape are for the tool in use, which has an outline open."""
        self._canvas = canvas
        self._moves_slide = True
        self._has_ring = False
        self._is_held = True
        self._space_held = False
        self._is_panning = False
        self._is_pressed = False
        self._pressed_with = _NO_BUTTON  # of the mouse; the right one is as the left with Alt
        self._pressure = 1.0
        self._by_keys = False
        canvas.plane_shown.connect(self._take_plane)

    # The tool in use

    def set_tool_look(self, *, moves: bool, ring: bool, held: bool) -> None:
        """Whether the left button moves the slide, whether the brush's size is shown around the pointer, and whether
        the tool works between press and release."""
        self._moves_slide, self._has_ring, self._is_held = moves, ring, held
        self.update_look()

    def let_go(self) -> None:
        """What is pressed no longer is: what it was for has ended."""
        self._is_pressed = False
        self._pressed_with = _NO_BUTTON

    def press_or_release(self, modifiers: Qt.KeyboardModifier = _NO_MODIFIER) -> None:
        """Press the tool at the pointer, or let it go: the left button for the keyboard."""
        if self._is_pressed:
            self.release(modifiers)
        elif not self._moves_slide:
            if self._canvas.pointed is None:
                self.step_by_keys(0, 0)
            assert self._canvas.pointed is not None
            self.press(self._canvas.pointed, modifiers)
            if not self._is_held:
                self.release(modifiers)

    # How it looks

    @property
    def moves_slide(self) -> bool:
        """Whether the left button moves the slide just now."""
        return self._moves_slide or self._space_held

    def hold_space(self, held: bool) -> None:
        """While Space is held, any tool moves the slide."""
        self._space_held = held
        self.update_look()

    def set_panning(self, panning: bool) -> None:
        """Whether the slide is being moved."""
        self._is_panning = panning
        self.update_look()

    def update_look(self) -> None:
        """A hand where the slide is about to move, else a cross, with the brush's ring where the tool has one."""
        viewport = self._canvas.viewport()
        if self._is_panning:
            shape = Qt.CursorShape.ClosedHandCursor
        elif self.moves_slide:
            shape = Qt.CursorShape.OpenHandCursor
        else:
            shape = Qt.CursorShape.CrossCursor
        viewport.setCursor(shape)
        is_seen = viewport.underMouse() or self._by_keys
        paints = self._has_ring and shape is Qt.CursorShape.CrossCursor
        self._canvas.show_pointer(ring=paints and is_seen, cross=self._by_keys)

    # What the devices do with it

    @property
    def is_pressed(self) -> bool:
        """Whether a button, a pen or the keyboard presses it."""
        return self._is_pressed

    @property
    def pressed_with(self) -> Qt.MouseButton:
        """The button of the mouse that presses it, if one does."""
        return self._pressed_with

    @property
    def is_moved_by_keys(self) -> bool:
        """Whether the keyboard moved it last."""
        return self._by_keys

    def take_from_keys(self) -> None:
        """Let the mouse, rather than the keyboard, point from now on."""
        if self._by_keys:
            self._by_keys = False
            self.update_look()

    def press(
        self,
        scene: QPointF,
        modifiers: Qt.KeyboardModifier,
        *,
        button: Qt.MouseButton = _NO_BUTTON,
        pressure: float = 1.0,
    ) -> None:
        """Press at a point of the plane, by a button of the mouse or without one; while pressed nothing happens."""
        if self._is_pressed or self._canvas.plane_rect().isEmpty():
            return
        self._is_pressed, self._pressed_with, self._pressure = True, button, pressure
        self._canvas.point_at(scene)
        if button == Qt.MouseButton.RightButton:  # it changes what is about to be done
            self.hovered.emit(self._told(scene, modifiers))
        self.pressed.emit(self._told(scene, modifiers))

    def move(self, scene: QPointF, modifiers: Qt.KeyboardModifier, *, pressure: float | None = None) -> None:
        """Move to a point of the plane, or beside it; `pressure` is a pen's."""
        if pressure is not None:
            self._pressure = pressure if self._is_pressed else 1.0
        self._canvas.point_at(scene)
        (self.dragged if self._is_pressed else self.hovered).emit(self._told(scene, modifiers))
        self.moved.emit(scene.y(), scene.x())

    def release(self, modifiers: Qt.KeyboardModifier) -> None:
        """Let go; nothing happens where nothing is pressed."""
        self._pressure = 1.0
        if self._is_pressed and self._canvas.pointed is not None:
            told = self._told(self._canvas.pointed, modifiers)
            self.let_go()
            self.released.emit(told)

    def hover(self, scene: QPointF, modifiers: Qt.KeyboardModifier) -> None:
        """Stand at a point of the plane, perhaps with other modifiers than before."""
        self.hovered.emit(self._told(scene, modifiers))

    def double_click(self, scene: QPointF, modifiers: Qt.KeyboardModifier) -> None:
        """Press a second time at the same point."""
        self.double_clicked.emit(self._told(scene, modifiers))

    def step_by_keys(self, down: int, right: int, *, far: bool = False) -> None:
        """Move by a pixel of the slide or of the window, whichever is more, from the middle of the view if the pointer
        was nowhere yet; `far` is ten times as far."""
        canvas = self._canvas
        size = max(1.0, 1 / canvas.zoom) * (10 if far else 1)
        start = canvas.pointed if canvas.pointed is not None else canvas.mapToScene(canvas.viewport().rect().center())
        scene = canvas.nearest_on_plane(start + QPointF(right * size, down * size))
        self._by_keys = True
        self.update_look()
        self.move(scene, _NO_MODIFIER)
        canvas.ensureVisible(QRectF(scene, scene), 40, 40)

    def _told(self, scene: QPointF, modifiers: Qt.KeyboardModifier) -> Pointer:
        return Pointer(
            scene.y(), scene.x(),
            shift=bool(modifiers & Qt.KeyboardModifier.ShiftModifier),
            alt=bool(modifiers & Qt.KeyboardModifier.AltModifier) or self._pressed_with == Qt.MouseButton.RightButton,
            pressure=self._pressure, zoom=self._canvas.zoom,
        )  # fmt: skip

    def _take_plane(self) -> None:
        """Another plane came up, perhaps a smaller one."""
        if self._by_keys and self._canvas.pointed is not None:
            self._canvas.point_at(self._canvas.nearest_on_plane(self._canvas.pointed))
        self.update_look()
