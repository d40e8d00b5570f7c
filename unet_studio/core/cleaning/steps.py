"""The steps of a clean-up: what a recipe may say, checked, and the text that it is kept as.

A step looks at the mask alone (morphology), at the probabilities too (watersheds), or at the slide (crf).
"""

import difflib
import re
from collections.abc import Iterable
from dataclasses import dataclass

from unet_studio.core.classes import BACKGROUND, MAX_CLASSES
from unet_studio.core.cleaning.morphology import OPERATIONS, Operation
from unet_studio.errors import RecipeError

LARGEST_RADIUS = 500
"""The largest radius of a disc; the time grows with it, and a mistyped number must not take hours."""
LARGEST_SIGMA = 50
"""The largest standard deviation of the smoothing before a watershed, and of the places of a CRF, in pixels."""
LARGEST_NECK = 100
"""The largest height of `watershed-distance`, in pixels."""
AREA_OPERATIONS = ("fill-holes", "remove-small")
"""The operations whose amount is an area; it is a radius or a standard deviation for the others."""
WATERSHEDS = ("watershed", "watershed-distance", "watershed-boundary")
"""The operations with a height."""
CRF = "crf"
"""The operation with a weight and a colour."""
LARGEST_WEIGHT = 100
"""The largest weight of a CRF: odds of e¹⁰⁰ : 1, above all that occur."""
SMALLEST_COLOUR = 0.01
"""The smallest difference in colour of a CRF; its time and memory grow with finer ones."""

_FIELDS = {CRF: ("weight", "amount", "colour"), **dict.fromkeys(WATERSHEDS, ("amount", "height"))}
"""The numbers of a step as they are written, where there are more than the amount."""


@dataclass(frozen=True, slots=True)
class Step:
    """One step of the recipe: an operation, its numbers, and the class it is for (None: every class).

    The amount is the disc's radius (1 to `LARGEST_RADIUS`) for dilate, erode, open and close; the area below which
    components go for remove-small (1 or more); the area up to which holes are filled for fill-holes (0: any size). For
    the watersheds it is σ (0 to `LARGEST_SIGMA`), the pixels by which the probability or the distance is smoothed. For
    crf it is how near pixels are (σ, 1 to `LARGEST_SIGMA`).

    The height is for the watersheds alone: how deep the valley between two objects is at least, from the lower of
    their tops. It is a probability (above 0 and below 1), for watershed-distance pixels (above 0, to `LARGEST_NECK`).

    The weight and the colour are for crf alone, which is always for all classes: how much pixels of similar colour
    favour one class (above 0, to `LARGEST_WEIGHT`), and how similar their colours are, σ as a share of the slide's
    contrast (`SMALLEST_COLOUR` to 1).

    Raises RecipeError where the operation is unknown or a number is out of range.
    """

    operation: str
    amount: float
    class_index: int | None = None
    height: float = 0.0
    weight: float = 0.0
    colour: float = 0.0

    def __post_init__(self) -> None:
        if self.operation in WATERSHEDS:
            self._check_watershed()
        elif self.operation == CRF:
            self._check_crf()
        elif self.operation in OPERATIONS:
            self._check_morphology(OPERATIONS[self.operation])
        else:
            raise RecipeError(f"There is no clean-up operation “{self.operation}”.{_suggestion(self.operation)}")
        if self.class_index is not None and not BACKGROUND < self.class_index < MAX_CLASSES:
            raise RecipeError(
                f"The clean-up step {self.operation} can't be for class {self.class_index}: "
                f"classes run from 1 to {MAX_CLASSES - 1} (0 is background)."
            )

    def _check_morphology(self, operation: Operation) -> None:
        if self.amount < operation.least or self.amount % 1:
            raise RecipeError(
                f"The clean-up step {self.operation} needs {operation.least} or more whole pixels, "
                f"not {_decimal(self.amount)}."
            )
        if operation.discs and self.amount > LARGEST_RADIUS:
            raise RecipeError(
                f"The clean-up step {self.operation} takes a radius up to {LARGEST_RADIUS} pixels, "
                f"not {_decimal(self.amount)}."
            )

    def _check_watershed(self) -> None:
        if not 0 <= self.amount <= LARGEST_SIGMA:
            raise RecipeError(
                f"The clean-up step {self.operation} smooths by 0 to {LARGEST_SIGMA} pixels, "
                f"not {_decimal(self.amount)}."
            )
        by_distance = self.operation == "watershed-distance"
        if not 0 < self.height <= (LARGEST_NECK if by_distance else 1):
            wanted = f"pixels above 0, up to {LARGEST_NECK}" if by_distance else "a probability above 0, up to 1"
            raise RecipeError(
                f"The clean-up step {self.operation} needs a height, {wanted}, not {_decimal(self.height)}."
            )

    def _check_crf(self) -> None:
        if not 0 < self.weight <= LARGEST_WEIGHT:
            raise RecipeError(
                f"The clean-up step crf needs a weight above 0, up to {LARGEST_WEIGHT}, not {_decimal(self.weight)}."
            )
        if not 1 <= self.amount <= LARGEST_SIGMA:
            raise RecipeError(
                f"The clean-up step crf joins pixels within 1 to {LARGEST_SIGMA} pixels, not {_decimal(self.amount)}."
            )
        if not SMALLEST_COLOUR <= self.colour <= 1:
            raise RecipeError(
                f"The clean-up step crf needs a difference in colour from {SMALLEST_COLOUR} to 1, a share of the "
                f"slide's contrast, not {_decimal(self.colour)}."
            )
        if self.class_index is not None:
            raise RecipeError("The clean-up step crf is for all classes at once; leave out the class.")


def parse_steps(text: str) -> tuple[Step, ...]:
    """The steps written in `text`; raises RecipeError with a sentence that quotes the step at fault.

    >>> [step.amount for step in parse_steps("open:disk:2,fill-holes:64,remove-small:64@1")]
    [2, 64, 64]
    """
    if not text.strip():
        return ()
    return tuple(_parse_step(part.strip()) for part in text.split(","))


def format_steps(steps: Iterable[Step]) -> str:
    """The text that `parse_steps` turns back into `steps`."""
    return ",".join(_format_step(step) for step in steps)


def without_crf(steps: Iterable[Step]) -> list[Step]:
    """The steps that work on a mask."""
    return [step for step in steps if step.operation != CRF]


def boundary_classes(steps: Iterable[Step]) -> frozenset[int]:
    """The classes that the recipe takes for boundaries, by a step watershed-boundary."""
    found: set[int] = set()
    for step in steps:
        if step.operation == "watershed-boundary":
            found |= {step.class_index} if step.class_index is not None else set(range(BACKGROUND + 1, MAX_CLASSES))
    return frozenset(found)


def _parse_step(text: str) -> Step:
    body, at, index = text.partition("@")
    name, *numbers = (word.strip() for word in body.split(":"))
    if name not in _known():
        raise RecipeError(f"There is no clean-up operation “{name}” (in “{text}”).{_suggestion(name)}")
    if name in OPERATIONS and OPERATIONS[name].discs and numbers[:1] == ["disk"]:
        numbers = numbers[1:]
    fields = _FIELDS.get(name, ("amount",))
    number = "[0-9]{1,9}" if name in OPERATIONS else r"[0-9]{1,6}(\.[0-9]{1,6})?"
    are_numbers = len(numbers) == len(fields) and all(re.fullmatch(number, word) for word in numbers)
    if not are_numbers or (at and not re.fullmatch("[0-9]{1,9}", index.strip())):
        raise RecipeError(
            f"The clean-up step “{text}” can't be read; expected {_pattern(name)}, with {_numbers_of(name)}."
        )
    try:
        values = dict(zip(fields, map(float, numbers), strict=True))
        return Step(name, class_index=int(index) if at else None, **values)
    except RecipeError as error:
        raise RecipeError(f"{error} (in “{text}”)") from error


def _format_step(step: Step) -> str:
    disk = "disk:" if step.operation in OPERATIONS and OPERATIONS[step.operation].discs else ""
    numbers = (_decimal(getattr(step, field)) for field in _FIELDS.get(step.operation, ("amount",)))
    only = "" if step.class_index is None else f"@{step.class_index}"
    return f"{step.operation}:{disk}{':'.join(numbers)}{only}"


def _decimal(number: float) -> str:
    return f"{number:.6f}".rstrip("0").rstrip(".")


def _pattern(name: str) -> str:
    if name == CRF:
        return "crf:WEIGHT:PIXELS:COLOUR"
    if name in WATERSHEDS:
        pattern = f"{name}:SIGMA:HEIGHT"
    else:
        pattern = f"{name}:disk:RADIUS" if OPERATIONS[name].discs else f"{name}:AREA"
    return f"{pattern}, or {pattern}@CLASS for one class only"


def _numbers_of(name: str) -> str:
    return "whole numbers" if name in OPERATIONS else "numbers such as 1 or 0.1"


def _suggestion(name: str) -> str:
    nearest = difflib.get_close_matches(name, _known(), n=1)
    question = f" Did you mean “{nearest[0]}”?" if nearest else ""
    return f"{question} The operations are {', '.join(_known())}."


def _known() -> tuple[str, ...]:
    return *OPERATIONS, *WATERSHEDS, CRF
