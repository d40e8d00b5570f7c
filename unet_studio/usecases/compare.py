"""Comparing any two models on the labels that there are now. Needs Keras."""

from collections.abc import Sequence
from contextlib import ExitStack
from functools import partial
from pathlib import Path

from unet_studio.core.cleaning.steps import parse_steps
from unet_studio.core.models.cards import ModelCard, find_model
from unet_studio.core.models.notes import learned_slides
from unet_studio.core.project.store import Project
from unet_studio.errors import ModelError, StudioError
from unet_studio.protocol.values import Compared, CompareJob, Progress, SlideFailed, check_cancelled
from unet_studio.unet.recipes import Recipe
from unet_studio.unet.training.comparing import Comparer, Rival, open_unlabelled_sample, proposed_in
from unet_studio.unet.training.patches import LabelledSlide
from unet_studio.unet.training.preparing import OpenedPlane, open_labelled, prepare
from unet_studio.unet.training.snapshot import Snapshot, read_labels
from unet_studio.unet.weights import load_fast_network
from unet_studio.unet.whole_slides import predictor_of

_STOPPED = "The comparison was stopped; nothing has changed."
_READING = 0.2
"""The share of the time that reading the labelled slides takes, about."""


def compare(job: CompareJob, progress: Progress) -> Compared:
    """Have two models propose the same tiles of the project's slides, and count what they say there.

    Nothing in the project changes. Held-out slides that one of the two learned from judge nothing. Slides that can't be
    read are reported and left out. Raises `ModelError` where the models can't be found or read, or tell other classes
    apart, and `Cancelled`.
    """
    with Project.open(Path(job.folder), place=Path(job.place)) as project, ExitStack() as stack:
        before, after = (find_model(name, project.place) for name in (job.before, job.after))
        _check_comparable(before, after)
        snapshot = read_labels(project, each=partial(check_cancelled, progress, _STOPPED))
        if snapshot.planes:
            after.check_fits(snapshot.classes)
        learned = {card.id: learned_slides(card) for card in (before, after)}
        seen = frozenset[str]().union(*(slides or () for slides in learned.values()))
        slides = _open(snapshot, project.folder, before, after, progress, stack)
        held_out = [slide for slide in slides if slide.plane.slide in snapshot.hold_out]
        others, unlabelled_slides = open_unlabelled_sample(snapshot, project.folder, after.normalisation, stack)
        comparison = _comparer(before, after, progress).compare(
            snapshot,
            held_out=[slide for slide in held_out if slide.plane.slide not in seen],
            training=[slide for slide in slides if slide.plane.slide not in snapshot.hold_out],
            others=[slide for slide in others if before.normalisation.fits(slide.reader.info.channels)],
            unlabelled_slides=unlabelled_slides,
            proposed=proposed_in(project),
        )
    return Compared(
        after.id,
        tuple(c.name for c in after.classes),
        comparison,
        left_out=tuple(sorted({slide.plane.slide for slide in held_out} & seen)),
        unknown=tuple(model for model, slides in learned.items() if slides is None),
    )


def _comparer(before: ModelCard, after: ModelCard, progress: Progress) -> Comparer:
    def tell(done: float) -> None:
        progress.report(_READING + (1 - _READING) * done, "")
        check_cancelled(progress, _STOPPED)

    return Comparer(
        Rival(before, predictor_of(before, load_fast_network(before))),
        predictor_of(after, load_fast_network(after)),
        parse_steps(Recipe.from_dict(after.recipe).clean_up),
        progress=tell,
    )


def _check_comparable(before: ModelCard, after: ModelCard) -> None:
    """Raise `ModelError` unless these are two models that tell the same classes apart."""
    if before.folder == after.folder:
        raise ModelError(f"'{after.title}' can't be compared with itself. Choose two models.")
    names = [[c.name for c in card.classes] for card in (before, after)]
    if names[0] != names[1]:
        finds = [f"'{card.title}' finds {', '.join(of[1:])}" for card, of in zip((before, after), names, strict=True)]
        raise ModelError(f"{finds[0]}, but {finds[1]}, so they can't be compared. Choose two that find the same.")


def _check_channels(card: ModelCard, one: OpenedPlane) -> None:
    channels = one.reader.info.channels
    if not card.normalisation.fits(channels):
        raise ModelError(
            f"'{card.title}' looks at {card.normalisation.channels} channels, but '{one.plane.plane.slide}' has "
            f"{channels}, so it is left out."
        )


def _open(
    snapshot: Snapshot, folder: Path, before: ModelCard, after: ModelCard, progress: Progress, stack: ExitStack
) -> Sequence[LabelledSlide]:
    """The labelled planes that both models can look at, open until `stack` ends; the others are reported."""
    opened = open_labelled(snapshot, folder, progress, stack, each=partial(check_cancelled, progress, _STOPPED))
    slides = []
    for number, one in enumerate(opened):
        check_cancelled(progress, _STOPPED)
        slide = one.plane.plane.slide
        progress.report(_READING * number / len(opened), slide)
        try:
            _check_channels(before, one)
            slides.append(prepare(one, after.normalisation))
        except StudioError as error:  # a damaged file that could be opened, or one with other channels
            progress.event(SlideFailed(slide, str(error)))
    return slides
