"""Tiles in memory are bounded by the bytes that they take, whatever they are put and used like."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from unet_studio.gui.canvas.tile_cache import TileCache

ROOM = 16_384

keys = st.tuples(st.integers(0, 2), st.tuples(st.integers(0, 2), st.integers(0, 2)))
puts = st.lists(st.tuples(keys, st.integers(0, 9000)), max_size=40)


def cache() -> TileCache[NDArray[np.uint8]]:
    return TileCache(ROOM, lambda tile: tile.nbytes)


def counted(sizes: list[int]) -> int:
    return sum(max(size, 1024) for size in sizes)


@given(puts)
def test_what_is_kept_are_the_newest_that_the_room_holds(puts: list[tuple[tuple[int, tuple[int, int]], int]]) -> None:
    tiles = cache()
    newest: dict[tuple[int, tuple[int, int]], int] = {}
    for key, size in puts:
        tiles.put(key, np.zeros(size, np.uint8))
        newest.pop(key, None)
        newest[key] = size
        while counted(list(newest.values())) > ROOM:
            del newest[next(iter(newest))]
        assert {key: tile.nbytes for key, tile in tiles.items()} == newest
        assert tiles.size == counted(list(newest.values())) <= ROOM


def test_a_tile_that_is_used_is_not_the_next_to_go() -> None:
    tiles = cache()
    for column in range(3):
        tiles.put((0, (0, column)), np.zeros(5000, np.uint8))
    tiles.move_to_end((0, (0, 0)))
    tiles.put((0, (0, 3)), np.zeros(5000, np.uint8))
    assert {column for _, (_, column) in tiles} == {0, 2, 3}


def test_one_tile_is_kept_even_if_it_is_larger_than_the_room() -> None:
    tiles = cache()
    tiles.put((0, (0, 0)), np.zeros(2 * ROOM, np.uint8))
    assert len(tiles) == 1


def test_room_grows_and_never_shrinks() -> None:
    tiles = cache()
    tiles.make_room(2 * ROOM)
    tiles.make_room(ROOM)
    tiles.put((0, (0, 0)), np.zeros(ROOM, np.uint8))
    tiles.put((0, (0, 1)), np.zeros(ROOM, np.uint8))
    assert len(tiles) == 2
    tiles.clear()
    assert tiles.size == 0 and len(tiles) == 0
