"""One meaning for the values of all masks of an import, where the person who imports doesn't say what they mean."""

from collections.abc import Iterable, Sequence
from pathlib import Path

from unet_studio.core.classes import BACKGROUND, UNLABELLED, LabelClass
from unet_studio.core.exchange.mask_parts import count_values
from unet_studio.core.exchange.mask_reading import read_mask
from unet_studio.core.exchange.mask_values import ValueTable
from unet_studio.core.exchange.mask_writing import written_values
from unet_studio.errors import MaskError

_WHITE = 255


def choose_table(masks: Iterable[Path], classes: Sequence[LabelClass]) -> ValueTable:
    """What the values of these masks mean: class indices and 255 for unlabelled, or 0 and 255 for the one class.

    A mask with 0 and 255 alone fits both, so all of them decide together: where one has 255 beside a class, or was
    exported as indices by this program, 255 is unlabelled in all. Masks that can't be read, or have values that are no
    class, have no say; it is said of each when it is read. Raises MaskError, naming both meanings and what each would
    give, where both fit.
    """
    known = {c.index for c in classes if c.index != BACKGROUND}
    white, coloured, says_index, says_binary = dict[Path, int](), list[Path](), False, False
    for mask in masks:
        try:
            present, pixels = count_values(read_mask(mask))
        except MaskError:
            continue
        counts = dict(zip(present.tolist(), pixels.tolist(), strict=True))
        if not counts.keys() <= {BACKGROUND, UNLABELLED} | known:
            continue
        written = written_values(mask)
        has_class = bool(counts.keys() & known)
        says_index |= UNLABELLED in counts and (has_class or written == "index")
        says_binary |= written == "binary"
        if has_class:
            coloured.append(mask)
        elif _WHITE in counts and written != "index":
            white[mask] = counts[_WHITE]
    indices = ValueTable.of_indices(classes)
    if not white:
        return indices
    if says_index and not says_binary:
        return indices
    if coloured or says_index or len(classes) != 2:
        raise MaskError(_about_two_meanings(white, coloured, classes))
    return ValueTable.of_binary(classes)


def _about_two_meanings(white: dict[Path, int], coloured: Sequence[Path], classes: Sequence[LabelClass]) -> str:
    first = classes[1]
    numbers = ",".join(f"{c.index}={c.name}" for c in classes)
    beside = f", while '{coloured[0].name}' has numbers of classes" if coloured else ""
    return (
        f"255 can mean two things in these masks: '{next(iter(white)).name}' has 0 and 255 alone{beside}. If it means "
        f"{first.name}, use --meaning {numbers},255={first.name}; if it means unlabelled, use --meaning "
        f"{numbers},255=unlabelled. The first makes {sum(white.values()):,} pixels {first.name}, the second leaves "
        "them unlabelled."
    )
