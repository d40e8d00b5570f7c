"""Clean-up: the ordered recipe of morphology that turns a proposal's classes into a tidy mask."""

import difflib
import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from unet_studio.core.classes import BACKGROUND, MAX_CLASSES
from unet_studio.core.tiles import Box
from unet_studio.errors import RecipeError

LONGEST_OBJECT = 256
"""An object or a hole longer than this many pixels may come out differently on a region than on the whole plane."""
LARGEST_RADIUS = 500
"""The largest radius of a disc; the time grows with it, and a slip of the finger must not take hours."""

_Bits = NDArray[np.uint8]
"""One class of a plane: (h, w), 1 inside and 0 outside."""


@dataclass(frozen=True, slots=True)
class Step:
    """One step of the recipe: an operation, its radius or area in pixels, and the class it is for (None: every class).

    The amount is the disc's radius (1 to `LARGEST_RADIUS`) for dilate, erode, open and close; the area below which
    components go for remove-small (1 or more); the area up to which holes are filled for fill-holes (0: any size).

    Raises RecipeError where the operation is unknown or a number is out of range.
    """

    operation: str
    amount: int
    class_index: int | None = None

    def __post_init__(self) -> None:
        if self.operation not in _OPERATIONS:
            raise RecipeError(f"There is no clean-up operation “{self.operation}”.{_suggestion(self.operation)}")
        operation = _OPERATIONS[self.operation]
        if self.amount < operation.least:
            raise RecipeError(
                f"The clean-up step {self.operation} needs {operation.least} or more pixels, not {self.amount}."
            )
        if operation.discs and self.amount > LARGEST_RADIUS:
            raise RecipeError(
                f"The clean-up step {self.operation} takes a radius up to {LARGEST_RADIUS} pixels, not {self.amount}."
            )
        if self.class_index is not None and not BACKGROUND < self.class_index < MAX_CLASSES:
            raise RecipeError(
                f"The clean-up step {self.operation} can't be for class {self.class_index}: "
                f"classes run from 1 to {MAX_CLASSES - 1} (0 is background)."
            )


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


def clean_up(mask: NDArray[np.uint8], steps: Sequence[Step]) -> NDArray[np.uint8]:
    """Apply `steps` one after the other to `mask`, (h, w) class indices; returns a new array.

    Each step treats its classes in order of index. A class that grows takes background only, never a pixel of another
    class, and a pixel that a class loses becomes background. Beyond the edge of the plane nothing is known: classes
    neither grow from there nor are eaten from there, and a gap that touches the edge is no hole.
    """
    result = np.array(mask, order="C")
    for step in steps:
        for index in _classes_of(step, result):
            _apply(step, result, index)
    return result


def reach(steps: Iterable[Step]) -> int:
    """How many pixels of surroundings a region needs so that its inside comes out as on the whole plane.

    Exact for the four operations with a disc. For fill-holes and remove-small it is exact up to an area of
    `LONGEST_OBJECT`; beyond that only for objects and holes that are no longer than this.
    """
    total = 0
    for step in steps:
        if discs := _OPERATIONS[step.operation].discs:
            total += discs * step.amount
        else:
            total += min(step.amount or LONGEST_OBJECT, LONGEST_OBJECT)
    return total


def _parse_step(text: str) -> Step:
    body, at, index = text.partition("@")
    name, *numbers = (word.strip() for word in body.split(":"))
    if name not in _OPERATIONS:
        raise RecipeError(f"There is no clean-up operation “{name}” (in “{text}”).{_suggestion(name)}")
    if _OPERATIONS[name].discs and numbers[:1] == ["disk"]:
        numbers = numbers[1:]
    words = [*numbers, index.strip()] if at else numbers
    if len(numbers) != 1 or not all(re.fullmatch("[0-9]{1,9}", word) for word in words):
        raise RecipeError(
            f"The clean-up step “{text}” can't be read; expected {_pattern(name)}, "
            f"or {_pattern(name)}@CLASS for one class only, with whole numbers."
        )
    try:
        return Step(name, int(numbers[0]), int(index) if at else None)
    except RecipeError as error:
        raise RecipeError(f"{error} (in “{text}”)") from error


def _format_step(step: Step) -> str:
    disk = "disk:" if _OPERATIONS[step.operation].discs else ""
    only = "" if step.class_index is None else f"@{step.class_index}"
    return f"{step.operation}:{disk}{step.amount}{only}"


def _pattern(name: str) -> str:
    return f"{name}:disk:RADIUS" if _OPERATIONS[name].discs else f"{name}:AREA"


def _suggestion(name: str) -> str:
    nearest = difflib.get_close_matches(name, _OPERATIONS, n=1)
    question = f" Did you mean “{nearest[0]}”?" if nearest else ""
    return f"{question} The operations are {', '.join(_OPERATIONS)}."


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
    margin = 1 + (step.amount if operation.discs else 0)
    box = extent.grow(margin).intersect(Box.of_shape(mask.shape)).slices
    region, before = mask[box], bits[box]
    after = operation.apply(before, step.amount)
    lost, gained = before > after, (after > before) & (region == BACKGROUND)
    # In sums, because assigning through a boolean index takes many times as long on ragged masks.
    region -= lost * np.uint8(index)
    region += gained * np.uint8(index)


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
