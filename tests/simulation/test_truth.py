"""The slides of a simulation are divided wholly, and the same way again."""

from hypothesis import given
from hypothesis import strategies as st

from unet_studio.simulation.truth import split_slides


@given(st.sets(st.text(min_size=1), min_size=2), st.floats(0, 1), st.integers(0, 9))
def test_a_split_is_whole_and_the_same_again(slides: set[str], share: float, seed: int) -> None:
    pool, test = split_slides(slides, share, seed)
    assert pool
    assert test
    assert sorted([*pool, *test]) == sorted(slides)
    assert split_slides(sorted(slides, reverse=True), share, seed) == (pool, test)
