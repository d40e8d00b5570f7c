"""The report of a project: effort, agreement, learning curve, repeatability, and whether one may stop."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import reduce
from importlib import metadata
from operator import add
from platform import platform, python_version

from unet_studio.core.cleaning.steps import boundary_classes, format_steps
from unet_studio.core.labels.plane import PlaneState
from unet_studio.core.masks.kept import find_kept
from unet_studio.core.masks.project_view import view_over
from unet_studio.core.masks.proposals import find_proposal
from unet_studio.core.models.cards import ModelCard, find_model, project_models
from unet_studio.core.project.store import Project
from unet_studio.core.project.stored_labels import LabelledPlane
from unet_studio.core.reporting.agreement import Agreement, SlideAgreement, pool_agreement
from unet_studio.core.reporting.effort import SlideEffort, measure_effort
from unet_studio.core.reporting.fingerprints import file_fingerprint, labels_fingerprint
from unet_studio.core.reporting.learning_curve import LearningCurve, LearningPoint, fit_learning_curve
from unet_studio.core.reporting.stopping import StopAnswer, may_stop
from unet_studio.core.scoring.object_counts import count_objects
from unet_studio.core.scoring.scores import count
from unet_studio.core.slides.finding import find_slides
from unet_studio.core.tiles import Box
from unet_studio.errors import ModelError, StudioError
from unet_studio.protocol.values import NO_PROGRESS, Progress, SlideFailed, check_cancelled
from unet_studio.usecases.reporting.repeat import Repeated

_PACKAGES = (
    "unet-studio",
    "numpy",
    "opencv-python-headless",
    "scikit-image",
    "keras",
    "tensorflow",
    "PySide6-Essentials",
)
AUDIT, HOLD_OUT, NOTHING = "audit sample", "hold-out", ""


@dataclass(frozen=True, slots=True)
class ReportedModel:
    """A model of the project and the fingerprint of its weights."""

    card: ModelCard
    fingerprint: str
    is_active: bool


@dataclass(frozen=True, slots=True)
class Report:
    """All figures of a report. `judged_on` is the audit sample, or the hold-out where that has none, or empty."""

    folder: str
    made: str
    classes: tuple[str, ...]
    slides: int
    reviewed: int
    corrected: int
    effort: tuple[SlideEffort, ...]
    judged_on: str
    by_slide: tuple[SlideAgreement, ...]
    agreement: Agreement
    by_active_model: int
    """On how many of these slides it is the active model's proposals that are judged; on others it is older ones."""
    curve: LearningCurve
    repeated: Repeated | None
    stop: StopAnswer
    hold_out: int
    audit: int
    threshold: float
    steps: str
    models: tuple[ReportedModel, ...]
    labels: str
    versions: tuple[tuple[str, str], ...]


def make_report(project: Project, *, repeated: Repeated | None = None, progress: Progress = NO_PROGRESS) -> Report:
    """Work out all figures; the project isn't changed.

    The active model's proposals, cleaned up, are compared with the reviewed planes of the audit sample, or where none
    of these is reviewed and proposed with those of the hold-out. A slide that can't be read is reported and left out.
    Raises `Cancelled` where the user asks to stop.
    """
    audit, hold_out, states = project.audit(), project.hold_out(), project.states()
    judged_on, judged = AUDIT, _judge(project, audit, progress)
    if not judged:
        judged_on, judged = HOLD_OUT, _judge(project, hold_out, progress)
    by_slide = tuple(one for one, _ in judged)
    agreement = pool_agreement(by_slide)
    models = _models(project)
    curve = fit_learning_curve([point for model in models if (point := _learning_point(model.card))])
    slides = find_slides(project.folder)
    reviewed = {plane.slide for plane, state in states.items() if state is PlaneState.REVIEWED}
    return Report(
        folder=project.folder.name,
        made=datetime.now(UTC).isoformat(timespec="seconds"),
        classes=tuple(one.name for one in project.classes()[1:]),
        slides=len(slides),
        reviewed=len(reviewed),
        corrected=len({plane.slide for plane in states} - reviewed),
        effort=measure_effort(project.edit_times()),
        judged_on=judged_on if judged else NOTHING,
        by_slide=by_slide,
        agreement=agreement,
        by_active_model=sum(is_active for _, is_active in judged),
        curve=curve,
        repeated=repeated,
        stop=may_stop(agreement, curve, on_audit=judged_on == AUDIT and bool(judged)),
        hold_out=len(hold_out),
        audit=len(audit),
        threshold=project.threshold,
        steps=format_steps(project.steps()),
        models=models,
        labels=labels_fingerprint(project),
        versions=(("Python", python_version()), *_versions(), ("system", platform(terse=True))),
    )


def _judge(project: Project, slides: Collection[str], progress: Progress) -> list[tuple[SlideAgreement, bool]]:
    """Each of these slides that has reviewed planes with proposals, and whether these are the active model's."""
    found: dict[str, list[tuple[SlideAgreement, bool]]] = {}
    planes = [
        plane
        for plane in project.labelled_planes()
        if plane.plane.slide in slides and plane.state is PlaneState.REVIEWED
    ]
    for number, plane in enumerate(planes):
        check_cancelled(progress, "The report was stopped.")
        progress.report(number / len(planes), plane.plane.slide)
        try:
            one = _judge_plane(project, plane)
        except StudioError as error:
            progress.event(SlideFailed(plane.plane.slide, str(error)))
            continue
        if one is not None:
            found.setdefault(plane.plane.slide, []).append(one)
    return [
        (reduce(add, (agreement for agreement, _ in parts)), all(is_active for _, is_active in parts))
        for parts in found.values()
    ]


def _judge_plane(project: Project, plane: LabelledPlane) -> tuple[SlideAgreement, bool] | None:
    active = find_proposal(project.place, project.active_model, plane.plane)
    proposal = active or find_kept(project, plane.plane)
    classes = len(project.classes())
    if proposal is None or proposal.shape != plane.shape or proposal.channels != classes - 1:
        return None
    view, box = view_over(project, plane.plane, plane.shape, proposal), Box.of_shape(plane.shape)
    truth, mask = view.labels.read(box), view.cleaned(box)
    objects = count_objects(truth, mask, boundaries=boundary_classes(view.steps))
    return SlideAgreement(plane.plane.slide, count(truth, mask, classes), objects), active is not None


def _models(project: Project) -> tuple[ReportedModel, ...]:
    cards = project_models(project.place)
    try:
        active = find_model(project.active_model, project.place)
        cards = [*cards, *([active] if active.id not in {card.id for card in cards} else [])]
    except ModelError:
        pass
    return tuple(ReportedModel(card, file_fingerprint(card.weights), card.id == project.active_model) for card in cards)


def _learning_point(card: ModelCard) -> LearningPoint | None:
    """How a model of the project did on the hold-out; None for one that was judged otherwise."""
    slides, dice = card.data.partition(" ")[0], card.scores.get("dice")
    if card.scores.get("judged_on") != "hold-out" or not slides.isdecimal() or not isinstance(dice, float):
        return None
    return LearningPoint(card.id, int(slides), dice)


def _versions() -> list[tuple[str, str]]:
    found = []
    for package in _PACKAGES:
        try:
            found.append((package, metadata.version(package)))
        except metadata.PackageNotFoundError:
            continue
    return found
