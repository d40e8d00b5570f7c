"""Brush, eraser and smart brush: they paint under the pointer at once, and a stroke is one edit."""

import math

import numpy as np
from numpy.typing import NDArray

from unet_studio.core.classes import BACKGROUND, UNLABELLED
from unet_studio.core.editing.smart_brush import agreeing
from unet_studio.core.editing.strokes import Point, Stroke
from unet_studio.core.tiles import Box
from unet_studio.errors import ProjectError
from unet_studio.gui.session.open_plane import OpenPlane
from unet_studio.gui.session.painting import Painting
from unet_studio.gui.tools.tool import NOTHING, CanvasTool, Pointer, Preview


class Brush(CanvasTool):
    """Paints the active class, with Alt background. With Shift a straight line joins the end of the last stroke."""

    shows_ring = True

    def __init__(self, painting: Painting) -> None:
        super().__init__(painting)
        self._stroke: Stroke | None = None
        self._last_end: Point | None = None
        painting.session.plane_opened.connect(self._forget_end)

    def make_stroke(self, plane: OpenPlane, value: int) -> Stroke:
        return Stroke(plane.labels, plane.id, value=value, radius=self._painting.brush_size / 2)

    def press(self, at: Pointer) -> None:
        plane = self._painting.plane()
        if plane is None:
            return
        self._stroke = self.make_stroke(plane, self.painted(alt=at.alt))
        if at.shift and self._last_end is not None:
            self._extend(self._last_end, at.pressure)
        self._extend(at.point, at.pressure)
        self.previewed.emit(NOTHING)

    def drag(self, at: Pointer) -> None:
        if self._stroke is not None:
            self._extend(at.point, at.pressure)

    def hover(self, at: Pointer) -> None:
        start = self._last_end if at.shift else None
        self.previewed.emit(NOTHING if start is None else Preview((start, at.point)))

    def release(self, at: Pointer) -> None:
        self.finish()

    @property
    def is_under_way(self) -> bool:
        return self._stroke is not None

    def finish(self) -> None:
        stroke, self._stroke = self._stroke, None
        workspace = self._painting.session.workspace
        if stroke is None or workspace is None:
            return
        sentence = self._painting.sentence(self.tr("brush"), stroke.value, stroke.plane.slide)
        edit = stroke.finish(sentence, state=workspace.state(stroke.plane))
        if edit is not None:
            self._painting.session.perform(edit, stroke.labels.shape, made=stroke.labels)

    def cancel(self) -> None:
        stroke, self._stroke = self._stroke, None
        if stroke is not None:
            self._painting.session.show_stroke(stroke.take_back())

    def _extend(self, point: Point, pressure: float) -> None:
        assert self._stroke is not None
        box = self._stroke.extend(point, pressure)
        self._last_end = point
        if not box.is_empty:
            self._painting.session.show_stroke(box)

    def _forget_end(self) -> None:
        self._last_end = None


class Eraser(Brush):
    """Paints background; with Alt takes labels back, so that the proposal shows again."""

    def painted(self, *, alt: bool) -> int:
        return UNLABELLED if alt else BACKGROUND


class SmartBrush(Brush):
    """Paints only what agrees with the pixel under the middle of the brush: by the model, or by intensity."""

    def make_stroke(self, plane: OpenPlane, value: int) -> Stroke:
        def agree(box: Box, point: Point) -> NDArray[np.bool_]:
            centre = (math.floor(point[0]) - box.y0, math.floor(point[1]) - box.x0)
            pixels = plane.reader.read(plane.id.plane, box)
            return agreeing(pixels, _probability(plane, box, value), centre)

        radius = self._painting.brush_size / 2
        return Stroke(plane.labels, plane.id, value=value, radius=radius, agreeing=agree)


def _probability(plane: OpenPlane, box: Box, value: int) -> NDArray[np.uint8] | None:
    """What the model gives a class inside a box, (h, w), 0…255; None where there is no readable proposal."""
    if plane.view.proposal is None:
        return None
    try:
        if not plane.view.proposal.covers(box):
            return None
        probabilities = plane.view.proposal.read(box)
    except ProjectError:
        return None  # the mask's own reading tells of it
    if value > probabilities.shape[2]:
        return None  # a class that this model doesn't know
    if value:
        return probabilities[..., value - 1]
    return np.asarray(255 - np.minimum(probabilities.sum(axis=2, dtype=np.uint32), 255), dtype=np.uint8)
