"""The cache keeps what was asked for last, within its bytes, and gives each key its own value."""

import threading

from hypothesis import given
from hypothesis import strategies as st

from unet_studio.core.byte_cache import ByteCache


@given(st.lists(st.tuples(st.integers(0, 9), st.integers(0, 60)), max_size=60), st.integers(0, 100))
def test_it_holds_no_more_than_its_limit_or_its_newest_and_never_mixes_keys(
    asked: list[tuple[int, int]], limit: int
) -> None:
    cache: ByteCache[int, bytes] = ByteCache(limit, len)
    for key, size in asked:
        value = cache.get(key, lambda key=key, size=size: bytes([key]) * size)
        assert set(value) <= {key}
        assert cache.total <= max(limit, len(value))


def test_what_was_asked_for_last_is_kept_longest() -> None:
    cache: ByteCache[str, bytes] = ByteCache(20, len)
    made = []

    def ask(key: str) -> None:
        cache.get(key, lambda: made.append(key) or bytes(10))

    for key in ("a", "b", "a", "c", "a", "b"):
        ask(key)
    assert made == ["a", "b", "c", "b"]
    cache.clear()
    assert cache.total == 0
    ask("a")
    assert made[-1] == "a"


def test_one_value_larger_than_the_limit_is_kept_alone() -> None:
    cache: ByteCache[int, bytes] = ByteCache(20, len)
    cache.get(1, lambda: bytes(5))
    cache.get(2, lambda: bytes(50))
    assert cache.total == 50
    assert cache.get(2, bytes) == bytes(50)


def test_many_threads_may_ask() -> None:
    cache: ByteCache[int, bytes] = ByteCache(300, len)
    wrong = []

    def ask(first: int) -> None:
        for number in range(2000):
            key = (first + number) % 13
            if cache.get(key, lambda key=key: bytes([key]) * 50) != bytes([key]) * 50:
                wrong.append(key)

    threads = [threading.Thread(target=ask, args=(first,)) for first in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong
    assert cache.total <= 300
