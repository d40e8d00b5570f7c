"""The names of exported files: their slides' paths and stems, unless two slides would share one."""

import re
from collections import Counter
from collections.abc import Iterable
from pathlib import PurePosixPath

_NAME_OF_PLANE = re.compile(r"(.+)_p(\d{4,})")


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


def page_suffix(plane: int) -> str:
    """What is added to the name of a slide's file where it is of one plane alone, by its number from 0 on.

    >>> page_suffix(0)
    '_p0001'
    """
    return f"_p{plane + 1:04d}"


def name_of_page(stem: str) -> tuple[str, int] | None:
    """The name of the slide and the number of the plane, from 0 on, that a file's name has; None if it is of no plane.

    >>> name_of_page("a_p0001")
    ('a', 0)
    """
    found = _NAME_OF_PLANE.fullmatch(stem)
    return (found[1], int(found[2]) - 1) if found and int(found[2]) else None


def _clashing(names: dict[str, str]) -> list[str]:
    """The slides named without their ending whose name another slide, or a plane of one, has as well."""
    owners = Counter(name.casefold() for name in names.values())  # some file systems don't tell case apart
    found = []
    for slide, name in names.items():
        stack = _NAME_OF_PLANE.fullmatch(name.casefold())
        if name != slide and (owners[name.casefold()] > 1 or (stack and stack[1] in owners)):
            found.append(slide)
    return found
