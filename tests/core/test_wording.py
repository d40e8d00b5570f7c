"""Numbers and names stand in a sentence as a person would write them."""

import pytest

from unet_studio.core.wording import counted, name_all, name_some


@pytest.mark.parametrize(
    ("number", "said"), [(0, "0 slides"), (1, "1 slide"), (2, "2 slides"), (12_000, "12,000 slides")]
)
def test_a_number_agrees_with_its_noun(number: int, said: str) -> None:
    assert counted(number, "slide") == said


@pytest.mark.parametrize(("names", "said"), [("a", "a"), ("ab", "a and b"), ("abcd", "a, b, c and d")])
def test_names_are_joined(names: str, said: str) -> None:
    assert name_all(names) == name_some(tuple(names)) == said


def test_of_many_names_the_first_ones_are_said() -> None:
    assert name_some(tuple("abcde")) == "a, b, c and 2 more"
    assert name_some(tuple("abcd"), most=2) == "a, b and 2 more"
