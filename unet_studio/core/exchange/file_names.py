"""The names of exported files: their slides' paths and stems, unless two slides would share one."""

import re
from collections import Counter
from collections.abc import Iterable
from pathlib import PurePosixPath

_NAME_OF_PLANE = re.compile(r"(.+)_p\d{4,}")


def export_names(slides: Iterable[str]) -> dict[str, str]:
    """The path of each slide's file without the format's ending.

    >>> export_names(["sub/a.tif", "b.png", "b.tif"])
    {'sub/a.tif': 'sub/a', 'b.png': 'b.png', 'b.tif': 'b.tif'}
    """
    paths = {slide: PurePosixPath(slide) for slide in slides}
    # What a damaged project names may be no file at all, such as '..'; where it would be written, that is refused.
    names = {slide: str(path.with_suffix("")) if path.name else slide for slide, path in paths.items()}
    # A name that keeps its ending may be another slide's name without one, so look again until nothing clashes.
    while clashing := _clashing(names):
        names.update({slide: slide for slide in clashing})
    return names


def _clashing(names: dict[str, str]) -> list[str]:
    """The slides named without their ending whose name another slide, or a plane of one, has as well."""
    owners = Counter(name.casefold() for name in names.values())  # some file systems don't tell case apart
    found = []
    for slide, name in names.items():
        stack = _NAME_OF_PLANE.fullmatch(name.casefold())
        if name != slide and (owners[name.casefold()] > 1 or (stack and stack[1] in owners)):
            found.append(slide)
    return found
