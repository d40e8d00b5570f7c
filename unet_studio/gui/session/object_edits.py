"""What can be done with the object under the pointer, each as one edit."""

import math
from collections.abc import Callable
from functools import partial

from PySide6.QtCore import QObject

from unet_studio.core.editing import objects
from unet_studio.core.editing.regions import Region
from unet_studio.core.editing.repaint import Repaint
from unet_studio.core.masks.mask_view import MaskView
from unet_studio.errors import StudioError
from unet_studio.gui.session.painting import Painting

_STEP = 1
"""Pixels that an object grows or shrinks by at once."""
_SMOOTHING = 2

Operation = Callable[[MaskView, Region], Repaint]


class ObjectEdits(QObject):
    """Relabels, grows, shrinks, smooths, splits, fills and deletes the object at a pixel of the open plane."""

    def __init__(self, painting: Painting, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._painting = painting
        operations: dict[str, tuple[str, Operation]] = {
            "relabel": (
                self.tr("relabel object"),
                lambda _, found: objects.relabel(found, painting.active_class),
            ),
            "grow": (self.tr("grow object"), partial(_with_radius, objects.grow, _STEP)),
            "shrink": (self.tr("shrink object"), partial(_with_radius, objects.shrink, _STEP)),
            "smooth": (
                self.tr("smooth object"), partial(_with_radius, objects.smooth, _SMOOTHING)
            ),
            "split": (self.tr("split object"), lambda _, found: objects.split(found)),
            "fill_holes": (self.tr("fill holes of object"), objects.fill_object_holes),
            "delete": (self.tr("delete object"), lambda _, found: objects.delete(found)),
        }  # fmt: skip
        self.by_name: dict[str, Callable[[float, float], None]] = {
            name: partial(self._edit, verb, operation) for name, (verb, operation) in operations.items()
        }
        """For the id of each action what it does at (y, x)."""

    def _edit(self, verb: str, operation: Operation, y: float, x: float) -> None:
        self._painting.session.finish_tool()
        plane = self._painting.plane()
        if plane is None:
            return
        try:
            repaint = operation(plane.view, objects.object_at(plane.view, (math.floor(y), math.floor(x))))
        except StudioError as problem:
            self._painting.tell(problem)
            return
        self._painting.repaint(plane, repaint, self.tr("{0} on {1}").format(verb, plane.id.slide))


def _with_radius(
    operation: Callable[[MaskView, Region, int], Repaint], radius: int, view: MaskView, found: Region
) -> Repaint:
    return operation(view, found, radius)
