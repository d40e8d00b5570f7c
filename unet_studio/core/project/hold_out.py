"""The hold-out: slides kept out of training, drawn once, on which models are compared."""

from collections.abc import Iterable, Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field
from hashlib import sha256

from unet_studio.core.project.grouping import group_slides
from unet_studio.core.project.store import Project
from unet_studio.core.slides.finding import find_slides
from unet_studio.core.wording import name_some

_ONE_IN = 5
_FULLY = 0.5
"""Of the pixels of a plane: one with more of them labelled is preferred, since a few strokes judge little."""


@dataclass(frozen=True, slots=True)
class SlideLabels:
    """What is labelled of a slide: the largest share among its planes, 0…1, and the classes."""

    share: float
    classes: frozenset[int] = frozenset()


@dataclass(frozen=True, slots=True)
class Pool:
    """What a hold-out is drawn from. `groups` has the group of each slide of the folder that may be held out at all.

    `held` are the slides on the hold-out, `learned` those that a training has had, and `declined` those that a person
    wants to be learned from. `is_first` says that no training has begun yet.
    """

    groups: Mapping[str, str]
    labels: Mapping[str, SlideLabels] = field(default_factory=dict)
    held: frozenset[str] = frozenset()
    learned: frozenset[str] = frozenset()
    declined: frozenset[str] = frozenset()
    is_first: bool = True


def keep_slides_out(project: Project) -> None:
    """Draw the hold-out of a project at its first training, and at later ones add to it where `draw` says so.

    What is labelled and not held out counts as learned from now on: it never joins the hold-out unless a person asks.
    Nothing changes where nothing is left to learn from, since then no training begins.
    """
    drawn = plan_hold_out(project)
    labelled = {plane.plane.slide for plane in project.labelled_planes()}
    learned = labelled - project.hold_out() - drawn - project.audit()
    if learned:
        project.add_hold_out(drawn)
        project.mark_learned(learned)


def plan_hold_out(project: Project) -> frozenset[str]:
    """The slides that `keep_slides_out` would add to the hold-out now."""
    return draw(read_pool(project))


def read_pool(project: Project) -> Pool:
    """What the hold-out of a project is drawn from; raises `SlideError` where its folder has no slides any more."""
    audit, held, learned = project.audit(), project.hold_out(), project.learned()
    slides = [slide for slide in find_slides(project.folder) if slide not in audit]
    labels = _labels_of_slides(project)
    if learned is None and _has_retrained(project):  # by a version that didn't keep what its trainings had
        learned = frozenset(labels) - held
    return Pool(
        groups=group_slides(slides, project.hold_out_groups),
        labels={slide: found for slide, found in labels.items() if slide not in audit},
        held=held,
        learned=learned or frozenset(),
        declined=project.declined(),
        is_first=learned is None,
    )


def draw(pool: Pool) -> frozenset[str]:
    """The slides to add to a hold-out; none ever leaves it by itself.

    Groups are drawn by a hash of their names, labelled or not, so that about one in five is held out. At the first
    training about one in five of the labelled groups is among them, at least one of two; later one of those that no
    model learned from, if none is. Mostly labelled ones come first. One labelled group always stays to be learned from,
    and every class that is labelled stays labelled there. Groups that a model learned from, or that a person wants
    learned from, never join; a slide that is new in a held-out group does.
    """
    groups = sorted({*pool.groups.values()})
    held = {pool.groups[slide] for slide in pool.held if slide in pool.groups}
    shut = {pool.groups[slide] for slide in pool.learned | pool.declined if slide in pool.groups}
    labelled = _labels_of_groups(pool)
    free = [group for group in groups if group not in held | shut]
    drawn = _draw_labelled(labelled, free, held, is_first=pool.is_first)
    wanted = max(1, round(len(groups) / _ONE_IN)) if len(groups) > 1 else 0
    declined = {pool.groups[slide] for slide in pool.declined if slide in pool.groups} - held
    missing = wanted - len(held) - len(drawn) - len(declined)
    unlabelled = sorted((group for group in free if group not in labelled), key=_order)
    drawn |= {*unlabelled[: max(0, missing)]}
    joining = {s for s, group in pool.groups.items() if group in held and s not in pool.learned | pool.declined}
    return frozenset(s for s, group in pool.groups.items() if group in drawn or s in joining) - pool.held


def _draw_labelled(
    labelled: Mapping[str, SlideLabels], free: Iterable[str], held: AbstractSet[str], *, is_first: bool
) -> set[str]:
    """The labelled groups to add."""
    wanted = 0
    if len(labelled) > 1:
        wanted = max(1, round(len(labelled) / _ONE_IN)) if is_first else 1
    drawn: set[str] = set()
    for group in sorted((g for g in free if g in labelled), key=lambda g: (labelled[g].share < _FULLY, _order(g))):
        if len((held | drawn) & labelled.keys()) >= wanted:
            break
        left = [other for other in labelled if other not in held and other not in drawn and other != group]
        if left and labelled[group].classes <= {index for other in left for index in labelled[other].classes}:
            drawn.add(group)
    return drawn


def _labels_of_groups(pool: Pool) -> dict[str, SlideLabels]:
    found: dict[str, SlideLabels] = {}
    for slide, labels in pool.labels.items():
        if slide in pool.groups:
            earlier = found.get(pool.groups[slide], SlideLabels(0.0))
            share, classes = max(earlier.share, labels.share), earlier.classes | labels.classes
            found[pool.groups[slide]] = SlideLabels(share, classes)
    return found


def _labels_of_slides(project: Project) -> dict[str, SlideLabels]:
    found: dict[str, SlideLabels] = {}
    for plane, counts in project.class_counts().items():
        share, classes = counts.labelled / counts.pixels, frozenset(counts.of_class)
        earlier = found.get(plane.slide, SlideLabels(0.0))
        found[plane.slide] = SlideLabels(max(earlier.share, share), earlier.classes | classes)
    return found


def _has_retrained(project: Project) -> bool:
    return any((project.place / "models").glob("retrained-*"))


def _order(group: str) -> str:
    return sha256(group.encode()).hexdigest()


def say_held_out(slides: Iterable[str], learned: AbstractSet[str]) -> str:
    """What comes of taking slides into the hold-out, where trainings so far had those that were `learned`."""
    slides = sorted(slides)
    known = sorted({*slides} & learned)
    if known:
        return f"Models so far learned from {name_some(known)}, so the next comparison favours the old one."
    they_judge = "it judges" if len(slides) == 1 else "they judge"
    return f"No model learned from {name_some(slides)}: reviewed as a whole, {they_judge} fairly."


def say_let_go(slides: Iterable[str]) -> str:
    """What comes of taking slides off the hold-out."""
    slides = sorted(slides)
    what = "It no longer judges" if len(slides) == 1 else "They no longer judge"
    return f"Models learn from {name_some(slides)} from now on. {what}; scores before and after can't be compared."
