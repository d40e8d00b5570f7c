"""The canvas: the slide with its mask, zoomed and panned, and where the pointer is on it."""

from PySide6.QtCore import QPointF, QRectF, Qt, Signal
from PySide6.QtGui import QColor
from PySide6.QtWidgets import QGraphicsItem, QGraphicsScene, QWidget

from unet_studio.core.figures.display import Display
from unet_studio.core.figures.heat import Heat
from unet_studio.core.masks.mask_view import MaskView
from unet_studio.core.slides.reader import SlideReader
from unet_studio.core.tiles import Box
from unet_studio.gui.background import Background
from unet_studio.gui.canvas.cursor_note import CursorNote
from unet_studio.gui.canvas.heat_layer import HeatLayer
from unet_studio.gui.canvas.mask_layer import MaskLayer
from unet_studio.gui.canvas.place_mark import PlaceMark
from unet_studio.gui.canvas.pointer_mark import PointerMark, Ring
from unet_studio.gui.canvas.preview_item import PreviewItem
from unet_studio.gui.canvas.slide_layer import SlideLayer
from unet_studio.gui.canvas.zoom_view import ZoomView
from unet_studio.gui.tools.tool import Preview


class Canvas(ZoomView):
    """Shows one plane with its mask, what the tool in use is about to do, and where the pointer is.

    It changes nothing itself. Further masks may be laid over the slide, beside its own.
    """

    plane_shown = Signal()
    read_failed = Signal(str)  # why part of the plane can't be shown
    mask_failed = Signal(str)  # why part of its mask can't be worked out
    outlines_asked = Signal()

    def __init__(self, background: Background, parent: QWidget | None = None) -> None:
        scene = QGraphicsScene()
        scene.setItemIndexMethod(QGraphicsScene.ItemIndexMethod.NoIndex)
        super().__init__(scene, parent)
        scene.setParent(self)
        self.pointed: QPointF | None = None
        """Where the mouse, the pen or the keyboard points, on the plane or beside it; None if nowhere yet."""
        self.slide_layer = SlideLayer(background, self.read_failed.emit)
        self.mask_layer = MaskLayer(background, self.mask_failed.emit)
        self.heat_layer = HeatLayer(background, self.mask_failed.emit)
        self._masks = _Holder()
        self._ring = Ring()
        self._mark = PointerMark()
        self._preview = PreviewItem()
        self._place = PlaceMark(self)
        self._note = CursorNote(self.viewport())
        for item in (self.slide_layer, self._masks, self._place, self._preview, self._ring, self._mark):
            scene.addItem(item)
        self.add_mask_layer(self.mask_layer)
        self.heat_layer.setParentItem(self._masks)

        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.viewport().setMouseTracking(True)
        self.setAccessibleName(self.tr("Slide with its mask"))
        self.zoom_changed.connect(self._ring.set_zoom)

    # What is shown

    def show_plane(self, reader: SlideReader | None, plane: int, display: Display, view: MaskView | None) -> None:
        """Show a plane of an open slide, or nothing; the zoom stays where the size is the same."""
        shape = (reader.info.height, reader.info.width) if reader else (0, 0)
        same_size = shape == (self.plane_rect().height(), self.plane_rect().width())
        self.slide_layer.show_plane(reader, plane, display)
        self.mask_layer.show_mask(view, shape)
        self.heat_layer.show_mask(view, shape)
        self._place.hide()
        margin = max(shape) or 1
        self.scene().setSceneRect(QRectF(-margin, -margin, shape[1] + 2 * margin, shape[0] + 2 * margin))
        if same_size:
            self.fit_unless_zoomed()
        else:
            self.fit()
        self.plane_shown.emit()

    def change_mask(self, view: MaskView) -> None:
        """Show the same plane with another proposal, threshold or clean-up."""
        self.mask_layer.change_mask(view)
        self.heat_layer.change_mask(view)

    def refresh_mask(self, box: Box) -> None:
        """Show the labels inside `box`, which changed."""
        self.mask_layer.refresh(box)
        self.heat_layer.refresh(box)

    def show_heat(self, heat: Heat | None) -> None:
        """Show where the proposal is undecided or against the labels, over the mask; or neither."""
        self.heat_layer.show_heat(heat)

    def show_place(self, box: Box) -> None:
        """Bring a box of the plane into the middle, close enough to be judged, and mark it for a moment."""
        view, whole = self.viewport().size(), self.plane_rect()
        if box.is_empty or whole.isEmpty():
            return
        fits = min(view.width() / (2 * box.width), view.height() / (2 * box.height))
        self.zoom_to(min(max(self.zoom, 1.0), max(fits, self.zoom_of_fit())))
        if not self.mapToScene(self.viewport().rect()).boundingRect().contains(whole):
            self.centerOn((box.x0 + box.x1) / 2, (box.y0 + box.y1) / 2)
        self._place.mark(box.intersect(Box(0, 0, int(whole.height()), int(whole.width()))))

    @property
    def shows_masks(self) -> bool:
        """Whether the mask, and what else is laid over the slide, is seen."""
        return self._masks.isVisible()

    def show_masks(self, shown: bool) -> None:
        """Show the mask and all other layers over the slide, or only the slide."""
        self._masks.setVisible(shown)

    def add_mask_layer(self, layer: MaskLayer) -> None:
        """Lay another mask over the slide, above those that are there."""
        layer.setParentItem(self._masks)

    def plane_rect(self) -> QRectF:
        return self.slide_layer.boundingRect()

    def box_in_view(self) -> Box:
        """The part of the plane that is on the screen, in pixels of the plane."""
        seen = self.mapToScene(self.viewport().rect()).boundingRect().toAlignedRect()
        shown = seen.intersected(self.plane_rect().toAlignedRect())
        return Box(shown.y(), shown.x(), shown.y() + shown.height(), shown.x() + shown.width())

    # Tool and pointer

    def set_brush_size(self, size: int) -> None:
        """The brush's diameter in pixels of the slide."""
        self._ring.set_size(size)

    def set_colour(self, colour: tuple[int, int, int]) -> None:
        """The colour of what the tool in use is about to paint."""
        self._ring.set_colour(QColor(*colour))
        self._preview.set_colour(QColor(*colour))

    def show_preview(self, preview: Preview) -> None:
        """Draw what the tool in use is about to do."""
        self._preview.show_preview(preview)
        if preview.text:
            self.show_note(preview.text)

    def show_note(self, text: str) -> None:
        """Show a word beside the pointer for a moment."""
        at = self.mapFromScene(self.pointed) if self.pointed is not None else self.viewport().rect().center()
        self._note.show_text(text, at)

    @property
    def pointer(self) -> tuple[float, float] | None:
        """Where the mouse, the pen or the keyboard points, (y, x) in pixels of the plane; None if nowhere yet."""
        return (self.pointed.y(), self.pointed.x()) if self.pointed is not None else None

    def point_at(self, scene: QPointF) -> None:
        """Take what is drawn around the pointer to a point of the plane or beside it."""
        self.pointed = scene
        self._ring.setPos(scene)
        self._mark.setPos(scene)
        self._note.follow(self.mapFromScene(scene))

    def show_pointer(self, *, ring: bool, cross: bool) -> None:
        """Whether the brush's size is shown around the pointer, and whether a cross stands in for the mouse."""
        has_plane = not self.plane_rect().isEmpty()
        self._ring.setVisible(ring and has_plane)
        self._mark.setVisible(cross and has_plane)

    def zoom_anchor(self) -> QPointF:
        """Where the keyboard points, if it does."""
        return QPointF(self.mapFromScene(self._mark.pos())) if self._mark.isVisible() else super().zoom_anchor()

    def focusNextPrevChild(self, next: bool) -> bool:  # noqa: A002
        """Tab shows outlines here; Shift+Tab and F6 leave the canvas."""
        if next:
            self.outlines_asked.emit()
            return True
        return super().focusNextPrevChild(next)


class _Holder(QGraphicsItem):
    """Shows and hides all its children at once, and paints nothing."""

    def __init__(self) -> None:
        super().__init__()
        self.setFlag(QGraphicsItem.GraphicsItemFlag.ItemHasNoContents)

    def boundingRect(self) -> QRectF:
        return QRectF()
