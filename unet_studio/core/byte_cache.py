"""A cache that is bounded by what it holds in memory, not by how many things that is."""

import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable
from typing import Generic, TypeVar

_Key = TypeVar("_Key", bound=Hashable)
_Value = TypeVar("_Value")


class ByteCache(Generic[_Key, _Value]):
    """Keeps what was asked for last, up to `limit` bytes, and the newest whatever its size. For any thread."""

    def __init__(self, limit: int, nbytes: Callable[[_Value], int]) -> None:
        """`nbytes` says how much memory a value takes, at the moment it comes in."""
        self._limit = limit
        self._nbytes = nbytes
        self._kept: OrderedDict[_Key, tuple[_Value, int]] = OrderedDict()
        self._total = 0
        self._lock = threading.Lock()

    @property
    def total(self) -> int:
        """Bytes of all values that are kept."""
        return self._total

    def get(self, key: _Key, make: Callable[[], _Value]) -> _Value:
        """The value that is kept for `key`, or the one that `make` returns, which is then kept.

        Two threads that ask for the same key at once may both make it.
        """
        with self._lock:
            if key in self._kept:
                self._kept.move_to_end(key)
                return self._kept[key][0]
        value = make()
        with self._lock:
            self._forget(key)
            self._kept[key] = value, self._nbytes(value)
            self._total += self._kept[key][1]
            while self._total > self._limit and len(self._kept) > 1:
                self._forget(next(iter(self._kept)))
        return value

    def clear(self) -> None:
        """Forget everything."""
        with self._lock:
            self._kept.clear()
            self._total = 0

    def _forget(self, key: _Key) -> None:
        if key in self._kept:
            self._total -= self._kept.pop(key)[1]
