"""The plane to label next is a typical one with something on it, then one of another kind."""

from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from unet_studio.core.labels.plane import PlaneId
from unet_studio.core.scoring.next_plane import PlaneDescriptor, describe_plane, next_plane
from unet_studio.core.scoring.uncertainty import mean_uncertainty
from unet_studio.core.slides.opening import open_slide


def descriptor(name: str, *features: float, structure: float = 0.2, uncertainty: float = 1.0) -> PlaneDescriptor:
    return PlaneDescriptor(PlaneId(name), features, structure, uncertainty)


NEAR = [descriptor(f"near{i}", 0.1 * i, 0.0) for i in range(5)]
FAR = [descriptor(f"far{i}", 5.0 + 0.1 * i, 1.0) for i in range(3)]
ODD = descriptor("odd", -40.0, 30.0)


def test_the_first_is_typical_and_the_next_of_another_kind() -> None:
    descriptors = [ODD, *FAR, *NEAR]
    first = next_plane(descriptors, set())
    assert first is not None
    assert first.slide.startswith("near")
    second = next_plane(descriptors, {first})
    assert second is not None
    assert not second.slide.startswith("near")


def test_a_plane_that_is_all_but_empty_comes_last() -> None:
    empty = descriptor("empty", 0.2, 0.0, structure=0.01)
    descriptors = [empty, *NEAR]
    seen: set[PlaneId] = set()
    order = []
    while (chosen := next_plane(descriptors, seen)) is not None:
        order.append(chosen.slide)
        seen.add(chosen)
    assert sorted(order) == sorted(one.plane.slide for one in descriptors)
    assert order[-1] == "empty"


def test_the_first_plane_has_no_less_on_it_than_the_median_plane() -> None:
    descriptors = [
        descriptor(f"{i}", abs(i - 2), structure=0.1 * (i + 1)) for i in range(7)
    ]  # the most typical has little on it
    first = next_plane(descriptors, set())
    assert first is not None
    assert int(first.slide) >= 3


def test_it_goes_where_the_model_is_uncertain() -> None:
    sure = [descriptor(f"sure{i}", 0.1 * i, uncertainty=0.01) for i in range(6)]
    unsure = [descriptor(f"unsure{i}", 3.0 + 0.1 * i, uncertainty=0.4) for i in range(3)]
    chosen = next_plane([*sure, *unsure], set())
    assert chosen is not None
    assert chosen.slide.startswith("unsure")


@given(
    st.lists(st.tuples(st.floats(-1e3, 1e3), st.floats(0, 1), st.floats(0, 1)), max_size=12),
    st.sets(st.integers(0, 11)),
)
@example([(0.0, 0.0, 0.0)] * 3 + [(-4.0, 0.0, 0.0), (-2.3e-308, 0.0, 0.0)], set())  # a spread next to nothing
@settings(max_examples=60, deadline=None)
def test_it_is_never_a_labelled_one_and_always_the_same(
    facts: list[tuple[float, float, float]], done: set[int]
) -> None:
    descriptors = [descriptor(str(i), feature, structure=s, uncertainty=d) for i, (feature, s, d) in enumerate(facts)]
    labelled = {PlaneId(str(i)) for i in done}
    chosen = next_plane(descriptors, labelled)
    assert chosen == next_plane(descriptors, labelled)
    free = {one.plane for one in descriptors} - labelled
    assert chosen in free if free else chosen is None


def test_of_very_many_planes_one_is_found_soon() -> None:
    rng = np.random.default_rng(0)
    descriptors = [descriptor(f"{i}", *rng.normal(size=4)) for i in range(5000)]
    chosen = next_plane(descriptors, {descriptors[0].plane})
    assert chosen is not None
    assert chosen != descriptors[0].plane


def write(file: Path, pixels: NDArray[np.generic]) -> Path:
    cv2.imwrite(str(file), pixels)
    return file


@pytest.fixture
def cells() -> NDArray[np.float64]:
    rng = np.random.default_rng(1)
    picture = np.zeros((300, 400))
    for y, x in rng.integers(20, 280, (12, 2)):
        cv2.circle(picture, (int(x), int(y)), 14, 1.0, thickness=-1)
    return picture


def test_noise_has_less_structure_than_cells(tmp_path: Path, cells: NDArray[np.float64]) -> None:
    noise = np.random.default_rng(2).normal(20, 4, cells.shape)
    descriptors = {}
    for name, picture in (("noise", noise), ("cells", noise + 100 * cells)):
        with open_slide(write(tmp_path / f"{name}.png", picture.clip(0, 255).astype(np.uint8))) as reader:
            descriptors[name] = describe_plane(reader, PlaneId(name))
    assert descriptors["noise"].structure < 0.5 * descriptors["cells"].structure
    assert descriptors["noise"].uncertainty == 1.0


def test_a_dark_copy_looks_the_same_at_any_depth(tmp_path: Path, cells: NDArray[np.float64]) -> None:
    descriptors = []
    for name, kind, white in (("a", np.uint8, 250), ("b", np.uint8, 100), ("c", np.uint16, 9000)):
        with open_slide(write(tmp_path / f"{name}.png", (cells * white).astype(kind))) as reader:
            descriptors.append(describe_plane(reader, PlaneId(name)))
    for one in descriptors[1:]:
        assert one.features == pytest.approx(descriptors[0].features, abs=0.01)


def test_uncertainty_is_large_where_two_classes_are_as_likely() -> None:
    sure, torn = np.zeros((4, 4, 1), np.uint8), np.full((4, 4, 1), 128, np.uint8)
    assert mean_uncertainty(sure) == 0
    assert mean_uncertainty(torn) > 0.98
    three = np.zeros((4, 4, 2), np.uint8)
    three[..., 0], three[..., 1] = 127, 127
    assert mean_uncertainty(three) > 0.98
    three[..., 1] = 0
    three[..., 0] = 255
    assert mean_uncertainty(three) == 0
