"""Groups of slides that stay on one side of a hold-out, since slides of one animal or one stack are near copies."""

from collections import Counter
from collections.abc import Collection, Iterable

from unet_studio.errors import StudioError

BY_SLIDE, BY_SUBFOLDER, BY_PREFIX = "slide", "subfolder", "prefix:"
_ENOUGH_SUBFOLDERS = 3
"""Of fewer subfolders holding out one would take too much of what there is to learn from."""


def check_grouping(text: str) -> str:
    """A way of grouping as a person states it: 'slide', 'subfolder', or 'prefix:' and where the prefix of a name ends.

    Raises `StudioError` for anything else.
    """
    if text in (BY_SLIDE, BY_SUBFOLDER) or (text.startswith(BY_PREFIX) and text != BY_PREFIX):
        return text
    raise StudioError(
        f"Slides can't be grouped by '{text}'. Write slide, subfolder, or for instance prefix:_ to keep slides "
        "together whose names are the same up to the first '_'."
    )


def usual_grouping(slides: Iterable[str]) -> str:
    """By subfolder where slides lie in at least three of them, else each slide by itself."""
    subfolders = {_subfolder(slide) for slide in slides} - {""}
    return BY_SUBFOLDER if len(subfolders) >= _ENOUGH_SUBFOLDERS else BY_SLIDE


def group_slides(slides: Iterable[str], grouping: str) -> dict[str, str]:
    """The group of each slide, by a way of grouping or, where that is empty, the usual one.

    All planes of a slide are in one group. A slide that lies in no subfolder, or whose name lacks the end of the
    prefix, is a group of its own. A prefix is of the file's name alone: the same one in two subfolders is one group.
    """
    slides = tuple(slides)
    grouping = grouping or usual_grouping(slides)
    if grouping == BY_SUBFOLDER:
        return {slide: _subfolder(slide) or slide for slide in slides}
    if not grouping.startswith(BY_PREFIX):
        return {slide: slide for slide in slides}
    end = grouping.removeprefix(BY_PREFIX)
    names = {slide: slide.rpartition("/")[2] for slide in slides}
    return {slide: name.partition(end)[0] + end if end in name else slide for slide, name in names.items()}


def with_their_groups(chosen: Collection[str], slides: Iterable[str], grouping: str) -> frozenset[str]:
    """Some slides and all others of their groups."""
    group = group_slides(slides, grouping)
    groups = {group[slide] for slide in chosen if slide in group}
    return frozenset(slide for slide in group if group[slide] in groups)


def describe_grouping(slides: Iterable[str], grouping: str) -> str:
    """How slides are grouped, in a sentence."""
    slides = tuple(slides)
    how = grouping or usual_grouping(slides)
    sizes = Counter(group_slides(slides, grouping).values())
    if how == BY_SUBFOLDER:
        return f"Slides of one subfolder stay together: {len(sizes)} groups."
    if how != BY_SLIDE:
        end = how.removeprefix(BY_PREFIX)
        return f"Slides whose names are the same up to the first '{end}' stay together: {len(sizes)} groups."
    why = "" if grouping else f", since slides lie in fewer than {_ENOUGH_SUBFOLDERS} subfolders"
    return f"Each slide is a group of its own{why}. Where several show one animal or sample, state how names begin."


def _subfolder(slide: str) -> str:
    return slide.rpartition("/")[0]
