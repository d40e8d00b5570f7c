"""Classes: the named, coloured categories that a pixel can belong to."""

import colorsys
from dataclasses import dataclass

BACKGROUND = 0
"""Class index of the background."""
UNLABELLED = 255
"""Label value of a pixel of which no person has said anything; it carries no loss and no score."""
MAX_CLASSES = 254
"""Class indices run from 0 to 253."""

# Okabe & Ito, "Color Universal Design" (2008), in an order that keeps neighbours apart; black and yellow left out
# because they vanish on dark and on bright slides.
_OKABE_ITO = ((230, 159, 0), (86, 180, 233), (0, 158, 115), (204, 121, 167), (213, 94, 0), (0, 114, 178))


@dataclass(frozen=True, slots=True)
class LabelClass:
    """One class: index 0…253 (0 is background), a name, and an (r, g, b) colour of 0…255."""

    index: int
    name: str
    colour: tuple[int, int, int]

    def __post_init__(self) -> None:
        if not 0 <= self.index < MAX_CLASSES or not all(0 <= part <= 255 for part in self.colour):
            raise ValueError(f"a class has an index of 0 to {MAX_CLASSES - 1} and colours of 0 to 255")


def class_colour(index: int) -> tuple[int, int, int]:
    """A colour for class `index`: Okabe–Ito first, then hues a golden angle apart at two lightnesses."""
    if index == BACKGROUND:
        return (128, 128, 128)
    if index <= len(_OKABE_ITO):
        return _OKABE_ITO[index - 1]
    red, green, blue = colorsys.hls_to_rgb((index * 0.61803) % 1.0, 0.45 if index % 2 else 0.7, 0.75)
    return round(red * 255), round(green * 255), round(blue * 255)


def make_classes(*names: str) -> tuple[LabelClass, ...]:
    """Background followed by one class for each name.

    >>> [c.name for c in make_classes("axon")]
    ['background', 'axon']
    """
    return tuple(LabelClass(i, name, class_colour(i)) for i, name in enumerate(("background", *names)))
