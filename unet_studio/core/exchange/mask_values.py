"""Mask values: what the numbers or the colours in masks that other programs wrote mean."""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from unet_studio.core.classes import BACKGROUND, UNLABELLED, LabelClass
from unet_studio.core.exchange.mask_parts import count_values, parts
from unet_studio.core.exchange.mask_reading import MaskValues, read_colours, read_mask
from unet_studio.errors import MaskError

_NAMED_STRAYS = 5
_UNLABELLED_NAME = "unlabelled"
_EXAMPLE = "Write VALUE=CLASS with commas between, for example 0=background,127=myelin,255=unlabelled or #3C1098=roof."


@dataclass(frozen=True, slots=True)
class ValueTable:
    """What each value of a mask means: pairs of a value and a class index, or 255 for unlabelled.

    With `colours` the values are colours, 0xRRGGBB. With `nearest` a value that isn't listed means what the nearest
    one does, as it should in masks that were resized smoothly or saved as JPEG. `classes` are those of the project
    where nobody said what the values mean and the program chose it.
    """

    meanings: tuple[tuple[int, int], ...]
    colours: bool = False
    nearest: bool = False
    classes: tuple[LabelClass, ...] = ()

    @classmethod
    def of_indices(cls, classes: Sequence[LabelClass]) -> "ValueTable":
        """Values are class indices, and 255 is unlabelled."""
        return cls((*((c.index, c.index) for c in classes), (UNLABELLED, UNLABELLED)), classes=tuple(classes))

    @classmethod
    def of_binary(cls, classes: Sequence[LabelClass]) -> "ValueTable":
        """0 is background and 255 the one class."""
        return cls(((BACKGROUND, BACKGROUND), (255, classes[1].index)), classes=tuple(classes))

    def to_classes(self, values: MaskValues) -> NDArray[np.uint8]:
        """Class indices of the same shape; raises MaskError naming the values that aren't listed, unless `nearest`."""
        present, pixels = count_values(values)
        listed = np.array([value for value, _ in self.meanings], np.int64)
        closest = np.zeros(present.shape, np.intp)
        for part in parts((len(present), len(listed))):
            closest[part] = self._distances(present[part], listed).argmin(axis=1)
        is_stray = listed[closest] != present
        if is_stray.any() and self.classes:
            raise MaskError(_about_strays(present, pixels, is_stray, [c.name for c in self.classes]))
        if is_stray.any() and not self.nearest:
            strays = _list_strays(present[is_stray], pixels[is_stray], show=self._show)
            raise MaskError(
                f"The mask has {'colours' if self.colours else 'values'} whose meaning isn't given: {strays}. "
                "Add them to --meaning, or use --nearest to take each for the nearest one that is given."
            )
        meant = np.array([index for _, index in self.meanings], np.uint8)[closest]
        classes = np.empty(values.shape, np.uint8)
        for part in parts(values.shape):
            classes[part] = meant[np.searchsorted(present, values[part])]
        return classes

    def _distances(self, present: NDArray[Any], listed: NDArray[np.int64]) -> NDArray[np.int64]:
        """How far each of `present` is from each of `listed`, (present, listed); only their order matters."""
        apart = [a[:, None] - b for a, b in zip(self._axes(present), self._axes(listed), strict=True)]
        return np.asarray(np.sum([axis**2 for axis in apart], axis=0))

    def _axes(self, values: NDArray[Any]) -> list[NDArray[np.int64]]:
        whole = values.astype(np.int64)
        return [whole >> 16, whole >> 8 & 255, whole & 255] if self.colours else [whole]

    def _show(self, value: int) -> str:
        return f"#{value:06X}" if self.colours else str(value)


def parse_table(text: str, classes: Sequence[LabelClass], *, nearest: bool = False) -> ValueTable:
    """Read a table such as '0=background,127=myelin,255=unlabelled' or '#3C1098=roof,#9B9B9B=unlabelled'.

    A class is given by its name or its index. Raises MaskError where the text is none, or numbers and colours mix.
    """
    entries = [_parse_entry(entry.strip(), classes) for entry in text.split(",")]
    if len({is_colour for is_colour, _, _ in entries}) > 1:
        raise MaskError(f"“{text}” has numbers and colours, but a mask has either. {_EXAMPLE}")
    if len({value for _, value, _ in entries}) < len(entries):
        raise MaskError(f"“{text}” says of one value twice what it means. {_EXAMPLE}")
    return ValueTable(tuple((value, index) for _, value, index in entries), entries[0][0], nearest)


def read_classes(
    path: Path, *, classes: int, foreground: str | None = None, table: ValueTable | None = None
) -> NDArray[np.uint8]:
    """A mask file as class indices (planes, h, w), 255 where unlabelled.

    What its values mean is said by `table`, or by `foreground` as for `to_classes`; "nonzero" takes masks in colour
    too, every colour but black. Raises MaskError where the file can't be read or has values without a meaning.
    """
    if table is not None:
        return _as_planes(table.to_classes(read_colours(path) if table.colours else read_mask(path)))
    values = read_mask(path, merged=foreground == "nonzero")
    return to_classes(_as_planes(values), classes=classes, foreground=foreground)


def to_classes(values: MaskValues, *, classes: int, foreground: str | None) -> NDArray[np.uint8]:
    """Turn the raw values of a mask file into class indices of the same shape; 255 stays as unlabelled.

    Args:
        values: integers of any shape.
        classes: the number of the project's classes, background included.
        foreground: a number, or "nonzero": this value, or every value but 0, is class 1, the rest is background and
            nothing is unlabelled. None: the values are class indices already, unless there are two classes and no
            values but 0 and 255: then 255 is class 1.

    Raises MaskError where a value is no class, or `foreground` is neither a number nor "nonzero".
    """
    if foreground is not None:
        return _is_foreground(values, foreground).view(np.uint8)
    present, pixels = count_values(values)
    if classes == 2 and np.isin(present, (BACKGROUND, 255)).all():
        return np.asarray(values == 255).view(np.uint8)
    is_stray = ((present < 0) | (present >= classes)) & (present != UNLABELLED)
    if is_stray.any():
        names = ["background", *(str(index) for index in range(1, classes))]
        raise MaskError(_about_strays(present, pixels, is_stray, names))
    return values.astype(np.uint8)


def _as_planes(values: NDArray[Any]) -> NDArray[Any]:
    return values if values.ndim == 3 else values[None]


def _parse_entry(entry: str, classes: Sequence[LabelClass]) -> tuple[bool, int, int]:
    """Whether the value is a colour, the value, and the class index that it means."""
    found = re.fullmatch(r"(#[0-9a-fA-F]{6}|-?[0-9]+)=(.+)", entry)
    if not found:
        raise MaskError(f"“{entry}” doesn't say what a value of the masks means. {_EXAMPLE}")
    value, name = found[1], found[2].strip()
    indices = (
        {_UNLABELLED_NAME: UNLABELLED} | {str(c.index): c.index for c in classes} | {c.name: c.index for c in classes}
    )
    if name not in indices:
        known = ", ".join([*(c.name for c in classes), _UNLABELLED_NAME])
        raise MaskError(f"“{entry}” names no class of the project. Known are: {known}.")
    return (True, int(value[1:], 16), indices[name]) if value[0] == "#" else (False, int(value), indices[name])


def _is_foreground(values: MaskValues, foreground: str) -> NDArray[np.bool_]:
    if foreground == "nonzero":
        return np.asarray(values != 0)
    if not re.fullmatch("-?[0-9]+", foreground):
        raise MaskError(f"The foreground “{foreground}” is neither a number, such as 255, nor the word nonzero.")
    return np.asarray(values == int(foreground))


def _list_strays(strays: MaskValues, pixels: NDArray[np.intp], *, show: Callable[[int], str] = str) -> str:
    """The first few values that mean nothing, each with its number of pixels, in words."""
    named = [
        f"{show(stray)} ({number} {'pixel' if number == 1 else 'pixels'})"
        for stray, number in zip(strays[:_NAMED_STRAYS].tolist(), pixels.tolist(), strict=False)
    ]
    if len(strays) > _NAMED_STRAYS:
        named.append(f"and {len(strays) - _NAMED_STRAYS} more ({pixels[_NAMED_STRAYS:].sum()} pixels)")
    return ", ".join(named)


def _about_strays(
    present: MaskValues, pixels: NDArray[np.intp], is_stray: NDArray[np.bool_], names: Sequence[str]
) -> str:
    """What is wrong with a mask that has other values than class indices, and what gives the right labels."""
    said = f"The mask has values that are no class: {_list_strays(present[is_stray], pixels[is_stray])}; "
    said += f"expected 0 to {len(names) - 1}, or {UNLABELLED} for unlabelled. "
    if not _is_smooth(present, pixels):
        return said + (
            "Add the missing classes, correct these pixels, say what each value means "
            "with --meaning, or use --foreground nonzero if every value but 0 means the same class."
        )
    # Every value but 0 would make the blur around each object part of it.
    meant = f"0={names[0]},255={names[1]}" if len(names) == 2 else "0=…,255=… with the classes that they mean"
    return (
        f"{said}They look like the edges of a mask that was saved as JPEG or resized: use --meaning {meant} --nearest."
    )


def _is_smooth(present: MaskValues, pixels: NDArray[np.intp]) -> bool:
    """Whether values blend from black to white: most are near one of them, and few in between."""
    if present.min() < 0 or present.max() > 255 or len(present) <= _NAMED_STRAYS:
        return False
    dark, light = int(pixels[present < 32].sum()), int(pixels[present >= 224].sum())
    between = int(pixels.sum()) - dark - light
    return bool(dark and light > between)
