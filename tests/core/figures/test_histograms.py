"""Histograms count every value that isn't far off, in steps that make none emptier by chance."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from numpy.typing import NDArray

from unet_studio.core.figures.histograms import histograms, measure_tones

RNG = np.random.default_rng(0)


@given(hnp.arrays(np.uint16, st.tuples(st.integers(1, 20), st.integers(1, 20), st.integers(1, 4))), st.integers(2, 256))
def test_a_histogram_counts_every_value_that_is_not_far_off(pixels: NDArray[np.uint16], bins: int) -> None:
    found = histograms(pixels, bins)
    assert len(found) == pixels.shape[2]
    for channel, histogram in enumerate(found):
        values = pixels[..., channel]
        inside = (values >= histogram.low) & (values <= histogram.high)
        assert histogram.counts.sum() == inside.sum()
        assert len(histogram.counts) <= bins + 1
        assert histogram.dark < histogram.bright
        assert histogram.low <= values.max()


def test_steps_between_whole_numbers_are_whole() -> None:
    pixels = np.arange(700).repeat(10).reshape(70, 100, 1).astype(np.uint16)
    counts = histograms(pixels)[0].counts
    assert len(set(counts[:-1].tolist())) == 1


def test_a_hot_pixel_does_not_squeeze_the_histogram() -> None:
    pixels = RNG.integers(300, 900, (100, 100, 1)).astype(np.uint16)
    pixels[5, 5] = 65535
    (histogram,) = histograms(pixels)
    assert histogram.high < 2000
    assert (histogram.counts > 0).sum() > 50


def test_red_green_and_blue_share_an_axis_and_other_channels_do_not() -> None:
    pixels = RNG.integers(0, 200, (40, 40, 3)).astype(np.uint8) // np.array([1, 2, 4], np.uint8)
    assert len({(h.low, h.high) for h in histograms(pixels)}) == 1
    assert len({(h.low, h.high) for h in histograms(pixels[..., :2])}) == 2


@pytest.mark.parametrize("value", [np.nan, np.inf, 0.0, -3e38])
def test_a_plane_of_one_value_has_a_histogram(value: float) -> None:
    tones = measure_tones(np.full((1, 9, 1), value, np.float32))
    (histogram,) = tones.histograms
    assert histogram.low < histogram.high
    assert histogram.counts.sum() == (9 if np.isfinite(value) else 0)
