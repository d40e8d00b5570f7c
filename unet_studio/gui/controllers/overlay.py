"""The mask over the slide: its colours, and whether it is seen."""

from collections.abc import Sequence

from PySide6.QtCore import QObject
from PySide6.QtGui import QAction

from unet_studio.core.figures.heat import Heat
from unet_studio.core.figures.mask_colours import colour_table
from unet_studio.gui.canvas.canvas import Canvas
from unet_studio.gui.canvas.mask_layer import MaskLayer
from unet_studio.gui.session.session import Session


class Overlay(QObject):
    """Colours all mask layers by the classes, the opacity and the classes that are hidden, filled or as outlines."""

    def __init__(
        self, session: Session, canvas: Canvas, layers: Sequence[MaskLayer], outlines: QAction, parent: QObject
    ) -> None:
        super().__init__(parent)
        self._session = session
        self._canvas = canvas
        self._layers = layers
        self._outlines = outlines
        self._opacity = 1.0
        self._hidden: frozenset[int] = frozenset()

    def set_look(self, opacity: float, hidden: frozenset[int]) -> None:
        """Show areas with an opacity of 0…1, and some classes not at all."""
        self._opacity, self._hidden = opacity, hidden
        self.update()

    def update(self) -> None:
        """Take over the classes of the project and whether outlines are wanted."""
        workspace = self._session.workspace
        if workspace is None:
            return
        outlined = self._outlines.isChecked() or self.heat is not None  # areas would cover the heat
        opacity = 0.0 if outlined else self._opacity
        fill = colour_table(workspace.classes, hidden=self._hidden, opacity=opacity)
        line = colour_table(workspace.classes, hidden=self._hidden, opacity=1.0)
        for layer in self._layers:
            layer.set_colours(fill, line, outlined=outlined)

    @property
    def heat(self) -> Heat | None:
        """What is shown as heat."""
        return self._canvas.heat_layer.heat

    def toggle_heat(self, heat: Heat) -> None:
        """Show where the proposal is undecided, or against the labels, with the mask as outlines; or stop that."""
        self._canvas.show_heat(None if self.heat is heat else heat)
        self.update()

    def toggle(self) -> None:
        """Hide the mask, or show it again."""
        self._canvas.show_masks(not self._canvas.shows_masks)

    def show(self) -> None:
        """Show the mask."""
        self._canvas.show_masks(True)
