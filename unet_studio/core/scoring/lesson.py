"""What a training can learn from what is labelled, and whether it can be judged: said before it begins."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from unet_studio.core.classes import BACKGROUND
from unet_studio.core.labels.plane import PlaneState
from unet_studio.core.project.hold_out import plan_hold_out
from unet_studio.core.project.store import Project
from unet_studio.core.project.stored_labels import ClassCounts
from unet_studio.core.slides.finding import find_slides
from unet_studio.core.wording import counted, name_all, name_some
from unet_studio.errors import StudioError

_FEW = 500
"""Pixels: with fewer labelled of all slides there is little to learn."""


@dataclass(frozen=True, slots=True)
class LabelledOf:
    """What is labelled of a plane of a slide; `in_bulk`: it was accepted with others, and nobody looked at it since."""

    slide: str
    counts: ClassCounts
    in_bulk: bool = False

    @property
    def judges(self) -> bool:
        """Whether its labels stand for all of it, as a person sees it."""
        return self.counts.is_whole and not self.in_bulk


@dataclass(frozen=True, slots=True)
class Basis:
    """What the next training would have: names of classes (background first), the planes that it would learn from, the
    held-out slides and their labelled planes, and those of the audit sample.

    `has_start` says that it would start from a model that tells these classes apart.
    """

    classes: Sequence[str]
    teaching: Sequence[LabelledOf] = ()
    held_out: Sequence[str] = ()
    judging: Sequence[LabelledOf] = ()
    audit: Sequence[LabelledOf] = ()
    has_start: bool = True


@dataclass(frozen=True, slots=True)
class Lesson:
    """Sentences for a person: what is learned, how it is judged, and why no training can begin, empty where one can.

    `advice` has those of them that a person may want to do something about. `teaching`, `held_out` and `judging` are
    numbers of slides: those that are learned from, and those held out with how many of them judge.
    """

    learned: tuple[str, ...] = ()
    judged: tuple[str, ...] = ()
    refusal: str = ""
    advice: tuple[str, ...] = ()
    teaching: int = 0
    held_out: int = 0
    judging: int = 0


def read_lesson(project: Project, *, has_start: bool) -> Lesson:
    """What the next training of a project would learn and be judged on, with the hold-out that it would draw."""
    held = project.hold_out() | plan_hold_out(project)
    audit, in_bulk = project.audit(), project.accepted_in_bulk()
    planes = [LabelledOf(p.slide, counts, p in in_bulk) for p, counts in project.class_counts().items()]
    basis = Basis(
        [label.name for label in project.classes()],
        teaching=[plane for plane in planes if plane.slide not in held | audit],
        held_out=[slide for slide in find_slides(project.folder) if slide in held - audit],
        judging=[plane for plane in planes if plane.slide in held - audit],
        audit=[plane for plane in planes if plane.slide in audit],
        has_start=has_start,
    )
    return describe_lesson(basis)


def check_can_learn(project: Project, *, has_start: bool) -> Lesson:
    """What the next training would learn; raises `StudioError`, saying what to add, where it should not begin."""
    lesson = read_lesson(project, has_start=has_start)
    if lesson.refusal:
        raise StudioError(lesson.refusal)
    return lesson


def describe_lesson(basis: Basis) -> Lesson:
    """What a training can and can't learn from its basis, and how the model can be judged."""
    teaching = len({plane.slide for plane in basis.teaching})
    held_out, judging = len(basis.held_out), len({plane.slide for plane in basis.judging if plane.judges})
    lesson = Lesson(teaching=teaching, held_out=held_out, judging=judging)
    refusal = _refusal(basis)
    if refusal:
        return replace(lesson, refusal=refusal)
    on_labels, on_hold_out = tuple(_advise_on_labels(basis)), tuple(_advise_on_hold_out(basis))
    judged = (
        f"{counted(teaching, 'slide')} {_verb(teaching, 'teach')}; {held_out} {'is' if held_out == 1 else 'are'} held "
        f"out, and {judging} of them {_verb(judging, 'judge')}."
    )
    learned = (*_what_it_learns(basis), *on_labels)
    return replace(lesson, learned=learned, judged=(judged, *on_hold_out), advice=(*on_labels, *on_hold_out))


def _refusal(basis: Basis) -> str:
    if not basis.teaching and basis.judging:
        return (
            "Every labelled slide is on the hold-out, so there is nothing to train on. Correct another slide, or have "
            "one of them learned from."
        )
    if not basis.teaching:
        beside = " outside the audit sample" if basis.audit else ""
        return (
            f"Nothing is labelled yet{beside}, so there is nothing to learn from. Correct some masks with the brush, "
            "or mark a slide as reviewed, then retrain."
        )
    known = _pixels(basis.teaching)
    if basis.has_start or len(known) > 1:
        return ""
    (index,) = known
    other = " or ".join(basis.classes[1:]) if index == BACKGROUND else basis.classes[BACKGROUND]
    on = name_some(sorted({plane.slide for plane in basis.teaching}))
    return (
        f"A first model would know only {_name(basis, index)}, and see it everywhere. Paint some {other} too, on {on} "
        "or another slide that isn't held out."
    )


def _what_it_learns(basis: Basis) -> Iterable[str]:
    """The classes that it learns; nothing where a model learns from background alone, or from objects alone."""
    known = _pixels(basis.teaching)
    names = name_all(_name(basis, index) for index in sorted(known))
    slides = counted(len({plane.slide for plane in basis.teaching}), "slide")
    if not basis.has_start:
        yield f"It learns to tell {names} apart, from {slides}."
    elif BACKGROUND in known and len(known) > 1:
        yield f"It learns {names} from {slides}."


def _advise_on_labels(basis: Basis) -> Iterable[str]:
    """What its labels lack, from which a model would learn more."""
    known = _pixels(basis.teaching)
    yield from _advise_on_kinds(basis) if basis.has_start else _advise_on_first(basis)
    few = sum(known.values())
    if few < _FEW:
        yield f"Only {few:,} pixels are labelled, which is little to learn from; a minute more would help."


def _advise_on_first(basis: Basis) -> Iterable[str]:
    if BACKGROUND not in _pixels(basis.teaching):
        yield "No background is labelled, so it will find something everywhere; paint some background too."
    missing = _missing(basis, basis.teaching)
    if missing:
        yield f"No {' and no '.join(missing)} is labelled, so it won't find any."


def _advise_on_kinds(basis: Basis) -> Iterable[str]:
    """What a model that is there already doesn't learn from corrections of one kind."""
    known = _pixels(basis.teaching)
    strokes = _pixels(plane for plane in basis.teaching if plane.counts.state is not PlaneState.REVIEWED)
    objects = " or ".join(basis.classes[1:])
    if known.keys() == {BACKGROUND} and strokes:
        yield (
            "You only took things away. The new model will be careful where it found things before; some strokes of "
            f"{objects} would teach it more."
        )
    elif known.keys() == {BACKGROUND}:
        yield (
            f"You only reviewed slides without any {objects}. The new model learns where there is none; reviewing a "
            "slide that has some would teach it more."
        )
    elif BACKGROUND not in known:
        yield (
            "You only added. The new model will find more like it; taking away what is wrong, or some strokes of "
            "background, would keep it from finding too much."
        )
    missing = _missing(basis, basis.teaching)
    if missing and known.keys() != {BACKGROUND}:
        yield f"No {' and no '.join(missing)} is labelled, so it learns nothing new about that."


def _advise_on_hold_out(basis: Basis) -> Iterable[str]:
    """What the hold-out lacks to judge by."""
    if not basis.held_out:
        yield (
            "No slide is held out, so no comparison of old and new is possible. Hold out one that you haven't labelled."
        )
        return
    judging = [plane for plane in basis.judging if plane.judges]
    slides = {plane.slide for plane in judging}
    labelled = sorted({plane.slide for plane in basis.judging})
    wanted = [slide for slide in [*labelled, *basis.held_out] if slide not in slides] or sorted(slides)
    missing = _missing(basis, judging)
    if not slides:
        yield f"No held-out slide can judge yet: review {wanted[0]} as a whole to have models judged."
    elif missing:
        what = " and no ".join(missing)
        yield f"The hold-out has no {what} yet: label some on {wanted[0]} to have models judged."
    in_bulk = [plane for plane in basis.judging if plane.in_bulk]
    if in_bulk:
        pixels, of = sum(_pixels(in_bulk).values()), sum(_pixels(basis.judging).values())
        some = name_some(sorted({plane.slide for plane in in_bulk}))
        yield (
            f"Of {of:,} held-out pixels {pixels:,} were accepted many planes at once and don't count; "
            f"review {some} to have them count."
        )


def _missing(basis: Basis, planes: Iterable[LabelledOf]) -> list[str]:
    """The classes but background that aren't labelled on these planes."""
    there = _pixels(planes)
    return [name for index, name in enumerate(basis.classes) if index != BACKGROUND and index not in there]


def _pixels(planes: Iterable[LabelledOf]) -> Counter[int]:
    """The labelled pixels of each class that has any."""
    found: Counter[int] = Counter()
    for plane in planes:
        found.update(plane.counts.of_class)
    return found


def _name(basis: Basis, index: int) -> str:
    return basis.classes[index] if index < len(basis.classes) else str(index)


def _verb(number: int, verb: str) -> str:
    return f"{verb}es" if number == 1 and verb == "teach" else f"{verb}s" if number == 1 else verb
