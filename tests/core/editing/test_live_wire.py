"""The live wire follows what stands out, goes straight where nothing does, and never leaves its window."""

import math
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from unet_studio.core.editing.live_wire import LiveWire, edge_cost
from unet_studio.core.editing.polygons import polygon_region
from unet_studio.core.editing.strokes import Point
from unet_studio.core.tiles import Box

BOX = Box(1000, 2000, 1160, 2200)
"""A window somewhere on a large plane."""
CENTRE = (1080.0, 2100.0)
RADIUS = 50.0

_ys, _xs = np.mgrid[BOX.y0 : BOX.y1, BOX.x0 : BOX.x1] + 0.5
DISC = np.hypot(_ys - CENTRE[0], _xs - CENTRE[1]) <= RADIUS


def on_circle(degrees: float) -> Point:
    return CENTRE[0] + RADIUS * math.sin(math.radians(degrees)), CENTRE[1] + RADIUS * math.cos(math.radians(degrees))


def disc(noise: float = 0.0, channels: int = 1) -> NDArray[np.float64]:
    """A bright disc on a darker ground, about 60 to 160."""
    rng = np.random.default_rng(0)
    return 60 + 100 * DISC[..., None] + rng.normal(0, noise, (*BOX.shape, channels))


def off_circle(path: list[Point]) -> float:
    """How far a path gets from the circle, at its corners and halfway between them."""
    halfway = [((y0 + y1) / 2, (x0 + x1) / 2) for (y0, x0), (y1, x1) in pairwise(path)]
    return max(abs(math.dist(point, CENTRE) - RADIUS) for point in path + halfway)


def wire_from(pixels: NDArray[Any], anchor: Point) -> LiveWire:
    wire = LiveWire(pixels, BOX)
    wire.anchor(anchor)
    return wire


@pytest.mark.parametrize("channels", [1, 3, 5])
@pytest.mark.parametrize(
    ("dtype", "scale"), [(np.uint8, 1.0), (np.uint16, 250.0), (np.float32, 1e-6), (np.float32, 1e33)]
)
def test_it_follows_an_edge_at_any_depth(dtype: type[np.generic], scale: float, channels: int) -> None:
    wire = wire_from((disc(channels=channels) * scale).astype(dtype), on_circle(0))
    for degrees in (20, 60, 110, -80):
        assert off_circle(wire.path_to(on_circle(degrees))) < 1.5


def test_noise_does_not_lead_it_off_the_edge() -> None:
    wire = wire_from(disc(noise=40), on_circle(0))
    assert off_circle(wire.path_to(on_circle(100))) < 2


def test_a_faint_edge_holds_beside_a_strong_one() -> None:
    pixels = disc()
    pixels[:, :20] = 1000  # ten times the disc's contrast
    assert off_circle(wire_from(pixels, on_circle(0)).path_to(on_circle(110))) < 1.5


def test_four_anchors_around_an_object_enclose_it() -> None:
    outline: list[Point] = []
    for quarter in range(4):
        outline += wire_from(disc(noise=5), on_circle(90 * quarter)).path_to(on_circle(90 * quarter + 90))[1:]
    region = polygon_region(outline, (4096, 4096))
    found = np.zeros(BOX.shape, dtype=bool)
    found[region.box.within(BOX)] = region.inside
    assert (found & DISC).sum() / (found | DISC).sum() > 0.95


def test_a_path_goes_from_anchor_to_pointer_over_the_centres_of_neighbouring_pixels() -> None:
    anchor, end = on_circle(10), on_circle(80)
    path = wire_from(disc(), anchor).path_to(end)
    assert (path[0], path[-1]) == (anchor, end)
    assert len(path) > 30
    assert all(y % 1 == x % 1 == 0.5 for y, x in path[1:-1])
    pixels = [(math.floor(y), math.floor(x)) for y, x in path]
    assert all(max(abs(y1 - y0), abs(x1 - x0)) == 1 for (y0, x0), (y1, x1) in pairwise(pixels))


@pytest.mark.parametrize("value", [0, 9.5, np.nan, np.inf])
def test_where_there_is_no_edge_it_is_straight(value: float) -> None:
    wire = wire_from(np.full((*BOX.shape, 3), value, np.float32), on_circle(0))
    for degrees in (1, 90, 217):
        assert wire.path_to(on_circle(degrees)) == [on_circle(0), on_circle(degrees)]


def test_along_a_straight_edge_it_is_straight_in_effect() -> None:
    pixels = np.zeros((*BOX.shape, 1), np.uint8)
    pixels[80:] = 200
    path = wire_from(pixels, (1080.2, 2010.0)).path_to((1080.2, 2190.0))
    assert all(1079 <= y <= 1081 for y, _ in path)


def test_a_pointer_on_the_anchor_is_answered() -> None:
    assert wire_from(disc(), on_circle(0)).path_to(on_circle(0)) == [on_circle(0)] * 2


@pytest.mark.parametrize(
    "outside", [(999.9, 2100.0), (1160.0, 2100.0), (1080.0, 1999.0), (1080.0, 2200.0), (-5.0, 9e9)]
)
def test_outside_the_window_it_is_straight(outside: Point) -> None:
    assert wire_from(disc(), on_circle(0)).path_to(outside) == [on_circle(0), outside]
    assert wire_from(disc(), outside).path_to(on_circle(0)) == [outside, on_circle(0)]


def test_the_window_has_corners_too() -> None:
    wire = wire_from(disc(), (1000.0, 2000.0))
    path = wire.path_to((1159.9, 2199.9))
    assert (path[0], path[-1]) == ((1000.0, 2000.0), (1159.9, 2199.9))


@pytest.mark.parametrize("shape", [(1, 1), (1, 30), (30, 1), (2, 2)])
def test_the_thinnest_windows_are_answered(shape: tuple[int, int]) -> None:
    pixels = np.arange(shape[0] * shape[1], dtype=np.uint8).reshape(*shape, 1)
    wire = LiveWire(pixels, Box.of_shape(shape))
    end = (shape[0] - 0.5, shape[1] - 0.5)
    path = wire.path_to(end)
    assert (path[0], path[-1]) == ((0, 0), end)


@pytest.mark.parametrize("odd", [np.nan, np.inf, -np.inf])
def test_pixels_without_a_value_are_no_edge(odd: float) -> None:
    pixels = (220 - disc()).astype(np.float32)
    pixels[60:63, :] = odd
    cost = edge_cost(pixels)
    assert (cost[60:63] == 1).all()
    assert (cost[:, :20] > 0.99).all()  # nor is there one beside them
    assert np.isfinite(cost).all()
    assert off_circle(wire_from(pixels, on_circle(0)).path_to(on_circle(120))) < 1.5
    lone = np.full((*BOX.shape, 1), odd, np.float32)
    lone[3, 3], lone[9, 9] = 1, 2
    assert np.isfinite(edge_cost(lone)).all()


def test_the_search_grows_with_the_pointer_and_starts_anew_at_an_anchor() -> None:
    """A far move first or last, and an anchor set twice, change nothing."""
    far, near = on_circle(170), on_circle(15)
    expected = [wire_from(disc(noise=5), on_circle(0)).path_to(end) for end in (near, far)]
    wire = wire_from(disc(noise=5), (1003.0, 2003.0))
    wire.path_to((1159.0, 2199.0))
    wire.anchor(on_circle(0))
    assert [wire.path_to(near), wire.path_to(far)] == expected


window_points = st.tuples(
    st.integers(0, 159).map(lambda y: 1000.25 + y), st.integers(0, 199).map(lambda x: 2000.75 + x)
)


@settings(max_examples=20)
@given(window_points, window_points, st.integers(0, 3))
def test_a_path_stays_in_its_window_and_costs_no_more_than_the_straight_line(
    start: Point, end: Point, seed: int
) -> None:
    pixels = np.random.default_rng(seed).integers(0, 255, (*BOX.shape, 1)).astype(np.uint8)
    path = wire_from(pixels, start).path_to(end)
    assert (path[0], path[-1]) == (start, end)
    assert all(BOX.y0 <= y < BOX.y1 and BOX.x0 <= x < BOX.x1 for y, x in path)
    assert path_cost(edge_cost(pixels), path) <= path_cost(edge_cost(pixels), [start, end]) + 1e-6


def path_cost(cost: NDArray[np.float64], path: list[Point]) -> float:
    """The integral of the cost along a path between the centres of its pixels, sampled at steps of about a pixel."""
    total = 0.0
    corners = [(math.floor(y) - BOX.y0, math.floor(x) - BOX.x0) for y, x in path]
    for (y0, x0), (y1, x1) in pairwise(corners):
        steps = max(abs(y1 - y0), abs(x1 - x0), 1)
        values = [cost[round(y0 + (y1 - y0) * i / steps), round(x0 + (x1 - x0) * i / steps)] for i in range(steps + 1)]
        total += (sum(values) - (values[0] + values[-1]) / 2) * math.dist((y0, x0), (y1, x1)) / steps
    return total
