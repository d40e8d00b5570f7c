"""The open plane where it is shown: on the canvas and in what follows it."""

from PySide6.QtCore import QObject

from unet_studio.core.figures.display import Display, NetworkView
from unet_studio.gui.canvas.canvas import Canvas
from unet_studio.gui.canvas.minimap import Minimap
from unet_studio.gui.comparing.comparison import Comparison
from unet_studio.gui.panels.contrast_panel import ContrastPanel
from unet_studio.gui.panels.plane_bar import PlaneBar
from unet_studio.gui.session.open_plane import OpenPlane


class PlaneDisplay(QObject):
    """Shows a plane, or none, and how it is looked at: on canvas and minimap, in the contrast panel and plane bar."""

    def __init__(
        self,
        canvas: Canvas,
        minimap: Minimap,
        comparison: Comparison,
        contrast: ContrastPanel,
        plane_bar: PlaneBar,
        parent: QObject,
    ) -> None:
        super().__init__(parent)
        self._canvas = canvas
        self._minimap = minimap
        self._comparison = comparison
        self._contrast = contrast
        self._plane_bar = plane_bar

    def show(self, plane: OpenPlane) -> None:
        """Show a plane of an open slide."""
        self._canvas.show_plane(plane.reader, plane.id.plane, plane.display, plane.view)
        self._minimap.show_plane(plane.reader, plane.id.plane, plane.display)
        self._contrast.open_plane(plane.display)
        self._comparison.show_plane()
        self._plane_bar.set_plane(plane.id.plane, plane.reader.info.planes)

    def clear(self) -> None:
        """Show no plane."""
        self._canvas.show_plane(None, 0, Display(), None)
        self._minimap.show_plane(None, 0, Display())
        self._contrast.open_plane(Display())
        self._comparison.show_plane()

    def set_display(self, display: Display) -> None:
        """Show the same plane with another contrast or in other colours."""
        self._canvas.slide_layer.set_display(display)
        self._minimap.set_display(display)
        self._contrast.set_display(display)

    def set_network_view(self, view: NetworkView | None) -> None:
        """Show the same plane as the network gets it, or as its display says again."""
        self._canvas.slide_layer.set_network_view(view)
        self._contrast.set_network_view(shown=view is not None)
