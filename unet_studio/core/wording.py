"""Numbers and names as they stand in a sentence."""

from collections.abc import Iterable, Sequence


def counted(number: int, thing: str) -> str:
    """A number and its noun: '1 slide', '2 slides', '1,000 slides'."""
    return f"{number:,} {thing}{'' if number == 1 else 's'}"


def name_all(names: Iterable[str]) -> str:
    """One or more names: 'a.png, b.png and c.png'."""
    *others, last = names
    return f"{', '.join(others)} and {last}" if others else last


def name_some(names: Sequence[str], most: int = 3) -> str:
    """One or more names, of many the first `most` and how many there are beside: 'a.png, b.png, c.png and 9 more'."""
    return name_all([*names[:most], f"{len(names) - most} more"] if len(names) > most + 1 else names)
