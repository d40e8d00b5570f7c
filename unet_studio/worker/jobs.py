"""The jobs that need Keras, as functions of their parameters and a listener; window and command line call the same."""

from dataclasses import asdict
from pathlib import Path
from typing import Any

from unet_studio.core.labels.plane import PlaneId
from unet_studio.core.masks.proposals import find_proposal, slide_stamp
from unet_studio.core.models.cards import find_model
from unet_studio.core.project.store import Project
from unet_studio.core.slides.opening import open_slide
from unet_studio.core.tiles import Box
from unet_studio.errors import Cancelled, SlideError, StudioError
from unet_studio.unet.proposing import Proposer
from unet_studio.unet.recipes import default_recipe, load_recipe
from unet_studio.unet.training.retraining import resume, retrain
from unet_studio.unet.training.rounds import RoundReport
from unet_studio.worker.protocol import Listener, ProposeJob, RetrainJob


class Jobs:
    """Runs jobs one after the other and keeps the last network warm, so that the next proposal starts at once."""

    def __init__(self) -> None:
        self._warm: dict[tuple[Path, int, bool], Proposer] = {}

    def propose(self, job: ProposeJob, listener: Listener) -> dict[str, Any]:
        """Propose masks slide by slide; a slide that can't be read is told of and the others go on."""
        place = Path(job.place)
        proposer = self._proposer(job, place)
        with Project.open(Path(job.folder), place=place) as project:
            if project.has_classes:
                proposer.card.check_fits(project.classes())
        counts = {"proposed": 0, "skipped": 0, "failed": 0}
        for index, (slide, number) in enumerate(job.planes):
            progress = _Share(listener, index, len(job.planes), slide)
            try:
                for outcome in _propose_slide(proposer, job, PlaneId(slide, number), progress):
                    counts[outcome] += 1
            except Cancelled:
                raise
            except StudioError as error:
                counts["failed"] += 1
                listener.event("failed", slide=slide, reason=str(error))
        listener.progress(1.0, "")
        return {**counts, "model": proposer.card.id}

    def retrain(self, job: RetrainJob, listener: Listener) -> dict[str, Any]:
        """Retrain and publish a model; says whether it is to be preferred, but leaves the choice to who asked."""
        place, watch = Path(job.place), _Watch(listener)
        start = find_model(job.model, place) if job.model else None
        recipe = load_recipe(job.recipe or default_recipe(job.model), job.changes)
        with Project.open(Path(job.folder), place=place) as project:
            if job.resume:
                retrained = resume(project, watch)
            else:
                retrained = retrain(project, start, recipe, watch, channels=job.channels)
        return {
            "model": retrained.card.id,
            "dice": retrained.result.dice,
            "dice_before": retrained.result.dice_before,
            "compared": retrained.compared,
            "preferred": retrained.preferred,
            "rounds": len(retrained.result.history) - 1,
        }

    def _proposer(self, job: ProposeJob, place: Path) -> Proposer:
        card = find_model(job.model, place)
        key = (card.folder, card.weights.stat().st_mtime_ns if card.weights.is_file() else 0, job.flips)
        if key not in self._warm:
            self._warm = {key: Proposer(card, flips=job.flips)}
        return self._warm[key]


class _Share:
    """Progress of one slide among several; raises `Cancelled` when the user asked to stop."""

    def __init__(self, listener: Listener, index: int, slides: int, slide: str) -> None:
        self.listener = listener
        self._index = index
        self._slides = slides
        self._slide = slide

    def __call__(self, share: float) -> None:
        self.listener.progress((self._index + share) / self._slides, self._slide)
        if self.listener.cancelled():
            raise Cancelled("Proposing was stopped; the slides finished before keep their proposals.")


class _Watch:
    """Turns what happens in a retraining into progress and events."""

    def __init__(self, listener: Listener) -> None:
        self._listener = listener
        self.cancelled = listener.cancelled

    def step(self, done: int, steps: int) -> None:
        self._listener.progress(done / steps, "")

    def round(self, report: RoundReport, preview: Path) -> None:
        self._listener.event("round", **asdict(report), preview=str(preview))

    def failed(self, slide: str, reason: str) -> None:
        self._listener.event("failed", slide=slide, reason=reason)


def _propose_slide(proposer: Proposer, job: ProposeJob, wanted: PlaneId, progress: _Share) -> list[str]:
    """Propose one plane, or all where its number is -1; 'proposed' or 'skipped' for each."""
    progress(0.0)
    path, place = Path(job.folder) / wanted.slide, Path(job.place)
    try:
        stamp = slide_stamp(path)
    except OSError as error:
        raise SlideError(
            f"'{path.name}' is no longer there ({error.strerror}). Put it back, or open the folder again."
        ) from None
    outcomes = []
    with open_slide(path) as reader:
        numbers = list(range(reader.info.planes)) if wanted.plane < 0 else [wanted.plane]
        numbers.sort(key=lambda number: job.view[:2] != [wanted.slide, number])  # what is looked at comes first
        if wanted.plane >= reader.info.planes:
            raise SlideError(
                f"'{path.name}' has {reader.info.planes} planes now, and plane {wanted.plane + 1} is not among them. "
                "Put the original slide back, or open the folder again."
            )
        for position, number in enumerate(numbers):
            plane = PlaneId(wanted.slide, number)
            stored = find_proposal(place, proposer.card.id, plane, stamp=stamp)
            if not job.overwrite and stored is not None and stored.flips == job.flips:
                outcomes.append("skipped")
                continue

            def share(done: float, position: int = position) -> None:
                progress((position + done) / len(numbers))

            def tell(event: str, number: int = number) -> None:
                progress.listener.event(event, slide=wanted.slide, plane=number, model=proposer.card.id)

            view = Box(*job.view[2:]) if job.view[:2] == [plane.slide, number] else None
            proposer.propose(
                reader, plane, place, stamp=stamp, progress=share, view=view, in_view=lambda: tell("in-view")
            )
            tell("proposed")
            outcomes.append("proposed")
    return outcomes
