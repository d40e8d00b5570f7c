"""The figures of all proposed planes of a project, worked out once for each proposal."""

import json
import logging
from collections.abc import Collection
from dataclasses import asdict, dataclass, replace
from functools import partial
from pathlib import Path

from unet_studio.core.files import read_small_text, write_atomically
from unet_studio.core.labels.plane import PlaneId
from unet_studio.core.masks.proposals import Proposal, find_proposal, proposed_planes
from unet_studio.core.models.cards import bundled_models, project_models
from unet_studio.core.project.store import Project
from unet_studio.core.scoring.plane_figures import PlaneFigures, measure_agreement, measure_change, measure_uncertainty
from unet_studio.errors import StudioError
from unet_studio.protocol.values import NO_PROGRESS, Progress, check_cancelled

_log = logging.getLogger(__name__)

_FILE = "figures.json"
"""A cache in the project's folder; it may be deleted at any time."""


def measure_planes(
    project: Project, *, slides: Collection[str] | None = None, progress: Progress = NO_PROGRESS
) -> dict[PlaneId, PlaneFigures]:
    """The figures of every plane with a proposal of the active model, of these slides or of all.

    The change is from the nearest model that the active one was retrained from and that proposed the plane too. What
    was worked out before of the same proposals is read from a file in the project; agreement is worked out anew, since
    labels change. A proposal that can't be read is passed over. Raises `Cancelled` where the user asks to stop; what
    was worked out by then is kept.
    """
    model, threshold = project.active_model, project.threshold
    earlier = earlier_models(project.place, model)
    labelled = {plane.plane: plane.cells for plane in project.labelled_planes()}
    planes = sorted(p for p in proposed_planes(project.place, model) if slides is None or p.slide in slides)
    cache = FigureCache(project.place)
    found = {}
    try:
        for number, plane in enumerate(planes):
            check_cancelled(progress, "Comparing the proposals was stopped.")
            progress.report(number / len(planes), plane.slide)
            try:
                proposal = find_proposal(project.place, model, plane)
                if proposal is None:
                    continue
                before = next((p for p in (find_proposal(project.place, m, plane) for m in earlier) if p), None)
                uncertainty = cache.uncertainty(plane, proposal)
                change = cache.change(plane, proposal, before, threshold) if before is not None else None
                read = partial(project.read_labels, plane)
                agreement = measure_agreement(proposal, read, labelled.get(plane, ()), threshold)
            except (OSError, StudioError):  # just removed, or the cache of proposals is damaged
                continue
            found[plane] = PlaneFigures(uncertainty, change, agreement)
    finally:
        cache.write()
    return found


def earlier_models(place: Path, model: str) -> tuple[str, ...]:
    """The ids of the models that one was retrained from, the last one first."""
    parents = {card.id: card.parent for card in (*bundled_models(), *project_models(place))}
    found: list[str] = []
    while (parent := parents.get(found[-1] if found else model, "")) and parent not in (model, *found):
        found.append(parent)
    return tuple(found)


@dataclass(frozen=True, slots=True)
class _Entry:
    """Figures of one proposal, and which files they were worked out of."""

    proposal: str
    uncertainty: float
    before: str = ""
    change: float | None = None


class FigureCache:
    """The figures of proposals in a file of the project; one that can't be read or written only costs time."""

    def __init__(self, place: Path) -> None:
        self._file = place / _FILE
        self._is_changed = False
        self._entries: dict[str, _Entry] = {}
        try:
            content = json.loads(read_small_text(self._file))
            self._entries = {key: _Entry(**entry) for key, entry in content.items()}
        except (OSError, ValueError, TypeError, AttributeError, RecursionError):
            pass  # not there yet, or of another version

    def uncertainty(self, plane: PlaneId, proposal: Proposal) -> float:
        """The mean uncertainty of a proposal; raises `ProjectError` where it can't be read."""
        return self._entry(plane, proposal).uncertainty

    def change(self, plane: PlaneId, proposal: Proposal, before: Proposal, threshold: float) -> float | None:
        """How far a proposal is from the one before; raises `ProjectError` where one can't be read."""
        entry, compared = self._entry(plane, proposal), f"{_stamp(before)} {threshold}"
        if entry.before != compared:
            entry = replace(entry, before=compared, change=measure_change(proposal, before, threshold))
            self._keep(plane, entry)
        return entry.change

    def _entry(self, plane: PlaneId, proposal: Proposal) -> _Entry:
        stamp = _stamp(proposal)
        known = self._entries.get(_key(plane))
        if known is None or known.proposal != stamp:
            known = _Entry(stamp, measure_uncertainty(proposal))
            self._keep(plane, known)
        return known

    def _keep(self, plane: PlaneId, entry: _Entry) -> None:
        self._entries[_key(plane)] = entry
        self._is_changed = True

    def write(self) -> None:
        """Keep what was worked out since it was read."""
        if not self._is_changed:
            return
        content = json.dumps({key: asdict(entry) for key, entry in self._entries.items()})
        try:
            write_atomically(self._file, content.encode())
        except StudioError as error:
            _log.warning("The figures of the proposals are worked out again next time: %s", error)


def _key(plane: PlaneId) -> str:
    return f"{plane.slide}:{plane.plane}"


def _stamp(proposal: Proposal) -> str:
    """Tells one proposal from another by the path of its file and when that was written."""
    status = proposal.file.stat()
    return f"{proposal.file.as_posix()} {status.st_size} {status.st_mtime_ns}"
