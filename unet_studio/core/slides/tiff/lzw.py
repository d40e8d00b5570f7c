"""Tells damaged LZW data from sound: imagecodecs may crash on damaged data, and the whole program with it."""

import numpy as np
from numpy.typing import NDArray

_CLEAR, _END = 256, 257

# After every clear code, codes grow from 9 to 12 bits as the table fills, one entry with every code but the first.
_WIDTHS = np.repeat((9, 10, 11, 12), (254, 512, 1024, 2304))
_STARTS = np.cumsum(_WIDTHS) - _WIDTHS
# A code may name an entry of the table, or the one that is about to be added.
_LIMITS = 258 + np.arange(_WIDTHS.size)


def is_sound_lzw(data: bytes) -> bool:
    """Whether LZW data, as TIFF has it (the high bit first, codes growing early), names only what its table holds.

    Data in the form from before TIFF 6, the low bit first, count as sound.
    """
    if data[:1] == b"\0" and data[1:2] and data[1] & 1:
        return True
    values = np.frombuffer(data + bytes(2), np.uint8)
    bits, at = 8 * len(data), 0
    while True:
        count = int(np.searchsorted(_STARTS + _WIDTHS, bits - at, side="right"))
        codes = _codes(values, at, count)
        ends = np.flatnonzero((codes == _CLEAR) | (codes == _END))
        stop = int(ends[0]) if ends.size else count
        if (codes[:stop] >= _LIMITS[:stop]).any():
            return False
        if stop == count:
            return count < _WIDTHS.size  # the data may end without an end code, but not fill the table over and over
        if codes[stop] == _END:
            return True
        at += int(_STARTS[stop] + _WIDTHS[stop])


def _codes(values: NDArray[np.uint8], at: int, count: int) -> NDArray[np.int64]:
    """The first `count` codes after a clear code that ends before bit `at`."""
    starts, widths = at + _STARTS[:count], _WIDTHS[:count]
    first = starts >> 3
    windows = values[first].astype(np.int64) << 16 | values[first + 1].astype(np.int64) << 8 | values[first + 2]
    codes: NDArray[np.int64] = windows >> (24 - (starts & 7) - widths) & ((1 << widths) - 1)
    return codes
