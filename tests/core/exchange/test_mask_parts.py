"""Large masks are gone through part by part, with the same result as at once."""

import numpy as np
import pytest

from unet_studio.core.exchange import mask_parts
from unet_studio.core.exchange.mask_parts import count_values, parts
from unet_studio.errors import MaskError


@pytest.mark.parametrize("shape", [(7,), (0,), (5, 6), (3, 5, 7), (1, 40, 1), (2, 0, 3)])
@pytest.mark.parametrize("most", [1, 10, 1000])
def test_parts_cover_every_value_once(monkeypatch: pytest.MonkeyPatch, shape: tuple[int, ...], most: int) -> None:
    monkeypatch.setattr(mask_parts, "_PART", most)
    seen = np.zeros(shape, int)
    for part in parts(shape):
        assert seen[part].size <= max(most, shape[-1] if len(shape) == 1 else most)
        seen[part] += 1
    assert (seen == 1).all()


def test_values_are_counted_as_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mask_parts, "_PART", 50)
    values = np.random.default_rng(3).integers(-40, 900, (3, 20, 30))
    for found, expected in zip(count_values(values), np.unique(values, return_counts=True), strict=True):
        np.testing.assert_array_equal(found, expected)


def test_a_picture_is_no_mask(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mask_parts, "_MOST_VALUES", 100)
    with pytest.raises(MaskError, match="more than 100 different values"):
        count_values(np.arange(101).reshape(1, 1, 101))
