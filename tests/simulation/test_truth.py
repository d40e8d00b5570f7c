"""The slides of a simulation are divided wholly, and the same way again."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from unet_studio.core.labels.plane import PlaneId
from unet_studio.errors import MaskError
from unet_studio.simulation.truth import divide, split_slides


@given(st.sets(st.text(min_size=1), min_size=2), st.floats(0, 1), st.integers(0, 9))
def test_a_split_is_whole_and_the_same_again(slides: set[str], share: float, seed: int) -> None:
    pool, test = split_slides(slides, share, seed)
    assert pool
    assert test
    assert sorted([*pool, *test]) == sorted(slides)
    assert split_slides(sorted(slides, reverse=True), share, seed) == (pool, test)


def test_slides_to_judge_on_can_be_named() -> None:
    truths = {PlaneId(slide, plane): np.zeros((2, 2), np.uint8) for slide in ("a", "b", "c") for plane in (0, 1)}
    split = divide(truths, 0.9, 0, ("b",))
    assert (split.pool, split.test) == (("a", "c"), ("b",))
    assert {plane.slide for plane in split.test_truths} == {"b"} and len(split.pool_truths) == 4
    for test in (("d",), ("a", "b", "c")):
        with pytest.raises(MaskError, match="both among those to judge on"):
            divide(truths, 0.5, 0, test)
