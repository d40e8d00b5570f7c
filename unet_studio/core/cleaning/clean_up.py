"""Clean-up: the ordered recipe of morphology that turns a proposal's classes into a tidy mask.

Most steps look at the mask alone. Three part objects that flow together, by watershed (`core/instances.py`):

- `watershed` where the class is less probable: for blobs such as cells and nuclei,
- `watershed-distance` at necks, far from the middle of either object: for blobs with one even probability,
- `watershed-boundary` closes the gaps in a class that is itself the boundary, such as a membrane.

One looks at the slide: `crf` gives the proposal the outlines that the slide has (`core/dense_crf.py`). It works on the
probabilities, so it comes before all others, wherever it stands in the recipe.
"""

import difflib
import math
import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from unet_studio.core.classes import BACKGROUND, MAX_CLASSES
from unet_studio.core.cleaning.instances import dividing_lines
from unet_studio.core.tiles import Box
from unet_studio.errors import RecipeError

LONGEST_OBJECT = 256
"""An object or a hole longer than this many pixels may come out differently on a region than on the whole plane."""
LARGEST_RADIUS = 500
"""The largest radius of a disc; the time grows with it, and a slip of the finger must not take hours."""
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
"""The largest weight of a CRF; e¹⁰⁰ : 1 is more than any odds."""
SMALLEST_COLOUR = 0.01
"""The smallest difference in colour of a CRF; its time and memory grow with finer ones."""

_CERTAIN = 65535
"""A probability of 1, in the units of a relief."""
_A_PIXEL = 128
"""A distance of 1 pixel, in the units of a relief; from 511 pixels on an object's inside is flat."""

_FIELDS = {CRF: ("weight", "amount", "colour"), **dict.fromkeys(WATERSHEDS, ("amount", "height"))}
"""The numbers of a step as they are written, where there are more than the amount."""

_Bits = NDArray[np.uint8]
"""One class of a plane: (h, w), 1 inside and 0 outside."""


@dataclass(frozen=True, slots=True)
class Step:
    """One step of the recipe: an operation, its numbers, and the class it is for (None: every class).

    The amount is the disc's radius (1 to `LARGEST_RADIUS`) for dilate, erode, open and close; the area below which
    components go for remove-small (1 or more); the area up to which holes are filled for fill-holes (0: any size). For
    the watersheds it is σ (0 to `LARGEST_SIGMA`), the pixels by which the probability or the distance is smoothed. For
    crf it is how near pixels are (σ, 1 to `LARGEST_SIGMA`).

    The height is for the watersheds alone: how deep the valley between two objects is at least, from the lower of
    their tops. It is a probability (above 0 and below 1), for watershed-distance pixels (above 0, to `LARGEST_NECK`).

    The weight and the colour are for crf alone, which is always for all classes: how much pixels that look alike pull
    each other (above 0, to `LARGEST_WEIGHT`), and how alike they look, σ as a share of the slide's contrast
    (`SMALLEST_COLOUR` to 1).

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
        elif self.operation in _OPERATIONS:
            self._check_morphology(_OPERATIONS[self.operation])
        else:
            raise RecipeError(f"There is no clean-up operation “{self.operation}”.{_suggestion(self.operation)}")
        if self.class_index is not None and not BACKGROUND < self.class_index < MAX_CLASSES:
            raise RecipeError(
                f"The clean-up step {self.operation} can't be for class {self.class_index}: "
                f"classes run from 1 to {MAX_CLASSES - 1} (0 is background)."
            )

    def _check_morphology(self, operation: "_Operation") -> None:
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


def clean_up(
    mask: NDArray[np.uint8], steps: Sequence[Step], probabilities: NDArray[np.uint8] | None = None
) -> NDArray[np.uint8]:
    """Apply `steps` one after the other to `mask`, (h, w) class indices; returns a new array.

    The watersheds look at `probabilities`, (h, w, channels) of all classes but background, 0…255; without them the
    classes of `mask` count as certain. A step crf changes nothing here: it is for the probabilities that `mask` is of.

    Each step treats its classes in order of index. A class that grows takes background only, never a pixel of another
    class, and a pixel that a class loses becomes background. Beyond the edge of the plane nothing is known: classes
    neither grow from there nor are eaten from there, and a gap that touches the edge is no hole.
    """
    result = np.array(mask, order="C")
    for step in without_crf(steps):
        for index in _classes_of(step, result):
            if step.operation in WATERSHEDS:
                _divide(step, result, index, _probability(index, mask, probabilities))
            else:
                _apply(step, result, index)
    return result


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


def reach(steps: Iterable[Step]) -> int:
    """How many pixels of surroundings a region needs so that its inside comes out as on the whole plane.

    It is for the steps that work on a mask; a crf reads what surrounds it by itself. Exact for the four operations with
    a disc. For fill-holes and remove-small it is exact up to an area of `LONGEST_OBJECT`; beyond that only for objects
    and holes that are no longer than this. So are the watersheds, where an object is all that flows together before
    they part it: of a longer one the lines within the region may run elsewhere, or one may be missing or too many.
    """
    total = 0
    for step in without_crf(steps):
        if step.operation in WATERSHEDS:
            total += LONGEST_OBJECT + _blur_radius(step.amount)
        elif discs := _OPERATIONS[step.operation].discs:
            total += discs * int(step.amount)
        else:
            total += min(int(step.amount) or LONGEST_OBJECT, LONGEST_OBJECT)
    return total


def _parse_step(text: str) -> Step:
    body, at, index = text.partition("@")
    name, *numbers = (word.strip() for word in body.split(":"))
    if name not in _known():
        raise RecipeError(f"There is no clean-up operation “{name}” (in “{text}”).{_suggestion(name)}")
    if name in _OPERATIONS and _OPERATIONS[name].discs and numbers[:1] == ["disk"]:
        numbers = numbers[1:]
    fields = _FIELDS.get(name, ("amount",))
    number = "[0-9]{1,9}" if name in _OPERATIONS else r"[0-9]{1,6}(\.[0-9]{1,6})?"
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
    disk = "disk:" if step.operation in _OPERATIONS and _OPERATIONS[step.operation].discs else ""
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
        pattern = f"{name}:disk:RADIUS" if _OPERATIONS[name].discs else f"{name}:AREA"
    return f"{pattern}, or {pattern}@CLASS for one class only"


def _numbers_of(name: str) -> str:
    return "whole numbers" if name in _OPERATIONS else "numbers such as 1 or 0.1"


def _suggestion(name: str) -> str:
    nearest = difflib.get_close_matches(name, _known(), n=1)
    question = f" Did you mean “{nearest[0]}”?" if nearest else ""
    return f"{question} The operations are {', '.join(_known())}."


def _known() -> tuple[str, ...]:
    return *_OPERATIONS, *WATERSHEDS, CRF


def _classes_of(step: Step, mask: NDArray[np.uint8]) -> Sequence[int]:
    if step.class_index is not None:
        return (step.class_index,)
    pixels = cv2.calcHist([mask], [0], None, [256], [0, 256])
    return [index for index in range(BACKGROUND + 1, MAX_CLASSES) if pixels[index] > 0]


def _apply(step: Step, mask: NDArray[np.uint8], index: int) -> None:
    """Let one class of `mask` go through `step`, in place."""
    operation = _OPERATIONS[step.operation]
    bits = (mask == index).view(np.uint8)
    extent = _extent(bits)
    if extent.is_empty:
        return
    # As far as the class can get, and one pixel more, so that the cut is not taken for the edge of the plane.
    amount = int(step.amount)
    margin = 1 + (amount if operation.discs else 0)
    box = extent.grow(margin).intersect(Box.of_shape(mask.shape)).slices
    region, before = mask[box], bits[box]
    after = operation.apply(before, amount)
    lost, gained = before > after, (after > before) & (region == BACKGROUND)
    # In sums, because assigning through a boolean index takes many times as long on ragged masks.
    region -= lost * np.uint8(index)
    region += gained * np.uint8(index)


def _probability(index: int, mask: NDArray[np.uint8], probabilities: NDArray[np.uint8] | None) -> NDArray[np.uint8]:
    """(h, w), 0…255; of a class that the model doesn't know, 0 everywhere."""
    if probabilities is None:
        return np.where(mask == index, np.uint8(255), np.uint8(0))
    if index > probabilities.shape[2]:
        return np.zeros(mask.shape, np.uint8)
    of_class: NDArray[np.uint8] = probabilities[..., index - 1]
    return of_class


def _divide(step: Step, mask: NDArray[np.uint8], index: int, probability: NDArray[np.uint8]) -> None:
    """Draw the watershed lines of one class into `mask`, in place; `probability` (h, w) of the class is 0…255."""
    inside, line, unit = mask == index, BACKGROUND, _CERTAIN
    relief = probability.astype(np.uint16) * 257
    if step.operation == "watershed-distance":
        relief, unit = _distance(inside), _A_PIXEL
    elif step.operation == "watershed-boundary":
        inside, line, relief = mask == BACKGROUND, index, ~relief
    lines = dividing_lines(inside, _blur(relief, step.amount), max(1, round(step.height * unit)))
    mask[lines] = line


def _distance(inside: NDArray[np.bool_]) -> NDArray[np.uint16]:
    """The distance to the nearest pixel that isn't inside, in units of `_A_PIXEL`; the edge of the plane is none."""
    distance = cv2.distanceTransform(inside.view(np.uint8), cv2.DIST_L2, cv2.DIST_MASK_PRECISE)
    return np.asarray(np.minimum(distance * _A_PIXEL, _CERTAIN), np.uint16)


def _blur(relief: NDArray[np.uint16], sigma: float) -> NDArray[np.uint16]:
    side = 2 * _blur_radius(sigma) + 1
    # Integers, because OpenCV rounds them alike wherever a pixel lies, and fractions not.
    return np.asarray(cv2.GaussianBlur(relief, (side, side), sigma) if sigma else relief, np.uint16)


def _blur_radius(sigma: float) -> int:
    return math.ceil(3 * sigma)


def _extent(bits: _Bits) -> Box:
    x, y, width, height = cv2.boundingRect(bits)
    return Box(y, x, y + height, x + width)


def _dilate(bits: _Bits, radius: int) -> _Bits:
    """1 wherever a pixel of `bits` lies within `radius`, dy² + dx² ≤ radius².

    Works on 64 pixels at once: the rows are packed into one line of words, widened pixel by pixel, and laid over the
    result at each distance dy that the disc is so wide.
    """
    height, width = bits.shape
    # The empty end of each row is longer than the radius, so that no row runs into the next.
    words = (width + radius) // 64 + 1
    rows = np.zeros((height, words * 8), np.uint8)
    rows[:, : (width + 7) // 8] = np.packbits(bits, axis=1, bitorder="little")
    line = rows.view("<u8").ravel()
    result = np.zeros_like(line)
    half_width = 0
    for dy in range(radius, -1, -1):
        while dy * dy + (half_width + 1) ** 2 <= radius * radius:
            line = _widen(line)
            half_width += 1
        overlap = max(0, height - dy) * words
        result[line.size - overlap :] |= line[:overlap]
        result[:overlap] |= line[line.size - overlap :]
    unpacked = np.unpackbits(result.view(np.uint8).reshape(height, -1), axis=1, bitorder="little")
    return unpacked[:, :width]


def _widen(line: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """Set the bits on both sides of each set bit; bit 0 is the leftmost of a word."""
    one, last = np.uint64(1), np.uint64(63)
    wider: NDArray[np.uint64] = line | line << one | line >> one
    wider[:-1] |= line[1:] << last
    wider[1:] |= line[:-1] >> last
    return wider


def _erode(bits: _Bits, radius: int) -> _Bits:
    return 1 - _dilate(1 - bits, radius)


def _open(bits: _Bits, radius: int) -> _Bits:
    return _dilate(_erode(bits, radius), radius)


def _close(bits: _Bits, radius: int) -> _Bits:
    return _erode(_dilate(bits, radius), radius)


def _fill_holes(bits: _Bits, area: int) -> _Bits:
    """Fill what 4-connected paths can't leave, up to `area` pixels a hole (0: any size)."""
    labels, size = _components(1 - bits, connectivity=4)
    filled = size <= area if area else np.ones(len(size), dtype=bool)
    for border in (labels[0], labels[-1], labels[:, 0], labels[:, -1]):
        filled[border] = False
    filled[0] = True
    return np.take(filled.view(np.uint8), labels)


def _remove_small(bits: _Bits, area: int) -> _Bits:
    """Keep the 8-connected components of `area` pixels and more."""
    labels, size = _components(bits, connectivity=8)
    kept = size >= area
    kept[0] = False
    return np.take(kept.view(np.uint8), labels)


def _components(bits: _Bits, *, connectivity: int) -> tuple[NDArray[np.int32], NDArray[np.intp]]:
    """(h, w) component numbers, 0 where `bits` is 0, and the area of each component.

    OpenCV's own statistics take three times as long as the components themselves, for more than is needed here.
    """
    _, labels = cv2.connectedComponents(bits, connectivity=connectivity)
    numbers = np.asarray(labels, np.int32)
    return numbers, np.bincount(numbers.ravel())


@dataclass(frozen=True, slots=True)
class _Operation:
    """What a step does to the bits of one class."""

    apply: Callable[[_Bits, int], _Bits]
    discs: int
    """How often a disc goes over the plane; 0 where the amount is an area."""
    least: int
    """The smallest amount that makes sense."""


_OPERATIONS = {
    "dilate": _Operation(_dilate, discs=1, least=1),
    "erode": _Operation(_erode, discs=1, least=1),
    "open": _Operation(_open, discs=2, least=1),
    "close": _Operation(_close, discs=2, least=1),
    "fill-holes": _Operation(_fill_holes, discs=0, least=0),
    "remove-small": _Operation(_remove_small, discs=0, least=1),
}
