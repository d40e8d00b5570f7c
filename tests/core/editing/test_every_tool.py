"""Whatever tools are used in whatever order, undoing them all brings back every pixel, and redoing them all as well."""

from collections.abc import Callable

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from unet_studio.core.editing import objects
from unet_studio.core.editing.between_planes import copy_labels
from unet_studio.core.editing.flood import class_region, wand_region
from unet_studio.core.editing.polygons import polygon_region
from unet_studio.core.editing.repaint import Repaint, repaint_edit
from unet_studio.core.editing.smart_brush import agreeing
from unet_studio.core.editing.strokes import Stroke
from unet_studio.core.labels.edits import Edit
from unet_studio.core.labels.plane import LabelPlane, PlaneId, PlaneState
from unet_studio.core.masks.mask_view import MaskView
from unet_studio.core.tiles import Box
from unet_studio.errors import StudioError

SHAPE = (300, 280)  # two tiles high and wide
WHOLE = Box.of_shape(SHAPE)
PLANE = PlaneId("a.png", 1)
PIXELS = (np.indices(SHAPE).sum(axis=0) // 40 * 60 % 256).astype(np.uint8)[..., None]

points = st.tuples(st.floats(-20, 320), st.floats(-20, 300))
pixels = st.tuples(st.integers(0, SHAPE[0] - 1), st.integers(0, SHAPE[1] - 1))
classes = st.sampled_from([0, 1, 2, 255])

Use = Callable[[LabelPlane], Edit | None]
"""The use of a tool on the labels of a plane; a stroke is in the labels when its edit comes, all others are not."""


def edit_of(repaint: Repaint, labels: LabelPlane) -> Edit | None:
    edit = repaint_edit(labels, PLANE, repaint, "x", state=PlaneState.CORRECTED)
    if edit is not None:
        edit.change.make(labels)
    return edit


def brush(path: list[tuple[float, float]], value: int, radius: float, smart: bool) -> Use:
    def use(labels: LabelPlane) -> Edit | None:
        def agree(box: Box, point: tuple[float, float]) -> NDArray[np.bool_]:
            return agreeing(PIXELS[box.slices], None, (int(point[0]) - box.y0, int(point[1]) - box.x0))

        stroke = Stroke(labels, PLANE, value=value, radius=radius, agreeing=agree if smart else None)
        for point in path:
            stroke.extend(point)
        return stroke.finish("x", state=PlaneState.CORRECTED)

    return use


def outline(path: list[tuple[float, float]], value: int) -> Use:
    return lambda labels: edit_of(Repaint.with_class(polygon_region(path, SHAPE), value), labels)


def fill(seed: tuple[int, int], value: int) -> Use:
    return lambda labels: edit_of(Repaint.with_class(class_region(MaskView(labels, None), seed), value), labels)


def wand(seed: tuple[int, int], value: int, tolerance: float) -> Use:
    region = wand_region(lambda box: PIXELS[box.slices], seed, tolerance, SHAPE)
    return lambda labels: edit_of(Repaint.with_class(region, value), labels)


def on_object(seed: tuple[int, int], what: int) -> Use:
    def use(labels: LabelPlane) -> Edit | None:
        view = MaskView(labels, None)
        operations: list[Callable[[], Repaint]] = [
            lambda: objects.relabel(objects.object_at(view, seed), 2),
            lambda: objects.delete(objects.object_at(view, seed)),
            lambda: objects.grow(view, objects.object_at(view, seed), 3),
            lambda: objects.shrink(view, objects.object_at(view, seed), 2),
            lambda: objects.smooth(view, objects.object_at(view, seed), 2),
            lambda: objects.split(objects.object_at(view, seed)),
            lambda: objects.fill_object_holes(view, objects.object_at(view, seed)),
        ]
        try:
            return edit_of(operations[what](), labels)
        except StudioError:
            return None  # nothing there, or not to be done with it: no edit

    return use


def copy(value: int, corner: tuple[int, int]) -> Use:
    source = LabelPlane(SHAPE)
    source.write(Box(*corner, *SHAPE), np.full((SHAPE[0] - corner[0], SHAPE[1] - corner[1]), value, np.uint8))
    return lambda labels: edit_of(copy_labels(source, labels), labels)


uses = st.one_of(
    st.builds(brush, st.lists(points, min_size=1, max_size=4), classes, st.floats(0.5, 40), st.booleans()),
    st.builds(outline, st.lists(points, min_size=3, max_size=8), classes),
    st.builds(fill, pixels, classes),
    st.builds(wand, pixels, classes, st.floats(0, 120)),
    st.builds(on_object, pixels, st.integers(0, 6)),
    st.builds(copy, classes, pixels),
)


@settings(max_examples=60, deadline=None)
@given(st.lists(uses, max_size=8))
def test_undoing_and_redoing_every_tool(tools: list[Use]) -> None:
    labels = LabelPlane(SHAPE)
    states = [labels.read(WHOLE)]
    edits = []
    for use in tools:
        edit = use(labels)
        if edit is None:
            np.testing.assert_array_equal(labels.read(WHOLE), states[-1])
        else:
            edits.append(edit)
            states.append(labels.read(WHOLE))
    for edit, before in zip(reversed(edits), reversed(states[:-1]), strict=True):
        edit.change.take_back(labels)
        np.testing.assert_array_equal(labels.read(WHOLE), before)
    for edit, after in zip(edits, states[1:], strict=True):
        edit.change.make(labels)
        np.testing.assert_array_equal(labels.read(WHOLE), after)


@settings(max_examples=40, deadline=None)
@given(st.lists(uses, max_size=4), uses)
def test_an_edit_says_every_pixel_that_a_tool_changes(before: list[Use], tool: Use) -> None:
    labels = LabelPlane(SHAPE)
    for use in before:
        use(labels)
    earlier = labels.read(WHOLE)
    edit = tool(labels)
    changed = labels.read(WHOLE) != earlier
    box = edit.change.box if edit is not None else Box(0, 0, 0, 0)
    outside = changed.copy()
    outside[box.slices] = False
    assert not outside.any()
