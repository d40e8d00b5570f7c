"""Telling damaged LZW data from sound."""

import imagecodecs
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from unet_studio.core.slides.tiff.lzw import is_sound_lzw


def packed(*codes: tuple[int, int]) -> bytes:
    """Codes, (value, bits), one behind the other."""
    text = "".join(f"{value:0{bits}b}" for value, bits in codes)
    return int(text.ljust(-(-len(text) // 8) * 8, "0"), 2).to_bytes(-(-len(text) // 8), "big")


@given(st.binary(max_size=3000), st.integers(1, 40))
def test_what_was_encoded_is_sound(data: bytes, times: int) -> None:
    assert is_sound_lzw(imagecodecs.lzw_encode(data * times))


@pytest.mark.parametrize("values", [1, 3, 256])
def test_what_was_encoded_is_sound_through_many_tables(values: int) -> None:
    pixels = np.random.default_rng(3).integers(0, values, 200_000, dtype=np.uint8)
    encoded = imagecodecs.lzw_encode(pixels.tobytes())
    assert is_sound_lzw(encoded)
    assert is_sound_lzw(encoded[: len(encoded) // 2])


@pytest.mark.parametrize(
    "codes",
    [
        [(256, 9), (258, 9), (257, 9)],
        [(256, 9), (7, 9), (259, 9), (257, 9)],
        [(256, 9), (7, 9), (258, 9), (256, 9), (300, 9), (257, 9)],
        [(256, 9), *[(7, 9)] * 254, (600, 10), (257, 10)],
        [(256, 9), *[(7, 9)] * 254, *[(7, 10)] * 512, *[(7, 11)] * 1024, *[(7, 12)] * 4000],
    ],
)
def test_codes_that_no_table_holds_are_not_sound(codes: list[tuple[int, int]]) -> None:
    assert not is_sound_lzw(packed(*codes))


@pytest.mark.parametrize("codes", [[(256, 9), (7, 9), (258, 9), (257, 9)], [(256, 9), (256, 9), (7, 9)], [(256, 9)]])
def test_codes_that_the_table_holds_are_sound(codes: list[tuple[int, int]]) -> None:
    assert is_sound_lzw(packed(*codes))
    assert is_sound_lzw(b"")
