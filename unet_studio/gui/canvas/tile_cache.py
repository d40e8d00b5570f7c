"""Tiles kept in memory, as many as a number of bytes holds."""

from collections import OrderedDict
from collections.abc import Callable
from typing import TypeVar

from unet_studio.core.tiles import Cell

Key = tuple[int, Cell]
"""(level, cell): at level n a tile covers 256 · 2ⁿ pixels of the plane."""
_ENTRY = 1024
"""Bytes that a tile counts at the least: one without anything in it still has a place in the table."""

_Tile = TypeVar("_Tile")


class TileCache(OrderedDict[Key, _Tile]):
    """The tiles that were used last; what was not used for longest goes when all take more than `room` bytes.

    `size_of` says how many bytes a tile takes. The newest tile stays, whatever it takes. Painting reads it hundreds of
    times a frame, so it is a dictionary itself; it is changed by `put` and `clear` alone, and
    `move_to_end` counts a tile among the newest.
    """

    def __init__(self, room: int, size_of: Callable[[_Tile], int]) -> None:
        super().__init__()
        self._room = room
        self._size_of = size_of
        self._bytes = 0

    @property
    def size(self) -> int:
        """Bytes that the tiles take."""
        return self._bytes

    def make_room(self, room: int) -> None:
        """Keep at least this many bytes of tiles from now on."""
        self._room = max(self._room, room)

    def put(self, key: Key, tile: _Tile) -> None:
        """Keep a tile as the newest, in place of an older one of its key."""
        if key in self:
            self._bytes -= self._counted(self[key])
        self[key] = tile
        self.move_to_end(key)
        self._bytes += self._counted(tile)
        while self._bytes > self._room and len(self) > 1:
            self._bytes -= self._counted(self.popitem(last=False)[1])

    def clear(self) -> None:
        """Forget all tiles."""
        super().clear()
        self._bytes = 0

    def _counted(self, tile: _Tile) -> int:
        return max(self._size_of(tile), _ENTRY)
