"""The proposal under the labels of a plane: which one it is, and how it is kept for as long as the labels are.

Once a person has labelled a part of a plane, its mask is these labels over the proposal that was there then, whichever
model is active later. That proposal is kept in the project in a file of its own, outside the cache of proposals, and
the plane's row in the store names it.
"""

import errno
import logging
import os
import shutil
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TypeGuard

from unet_studio.core.files import path_inside
from unet_studio.core.labels.edits import Edit, PlaneChange, ProposalChange
from unet_studio.core.labels.plane import UNKNOWN_PROPOSAL, PlaneId, ProposalId
from unet_studio.core.masks.proposals import Proposal, find_part, find_proposal, read_proposal, slide_stamp
from unet_studio.core.project.store import Project
from unet_studio.core.slides.finding import slide_file
from unet_studio.errors import PathError, SlideError

KEPT = "kept"
"""The folder of a project in which proposals are kept."""
_log = logging.getLogger(__name__)
_NO_LINKS = {errno.EPERM, errno.EXDEV, errno.ENOTSUP, errno.EMLINK, errno.EACCES, errno.ENOSYS, errno.EOPNOTSUPP}
"""What systems answer where a file can't have two names."""


@dataclass(frozen=True, slots=True)
class Under:
    """What lies under the labels of a plane; `problem` says why that isn't there, where the mask isn't whole without
    it."""

    proposal: Proposal | None
    problem: str = ""


def find_under(
    folder: Path, place: Path, plane: PlaneId, kept: ProposalId | None, *, model: str, shows_part: bool = False
) -> Under:
    """Find what lies under the labels of a plane of the slides in `folder`, of the project at `place`.

    That is the proposal that is `kept`, or where none is that of the active `model` for the slide as it is now. With
    `shows_part` what there is of the latter counts while the rest is computed: by the same model of the same slide, a
    whole one has the same values everywhere. Raises `SlideError` where the slide is gone.
    """
    try:
        stamp = slide_stamp(slide_file(folder, plane.slide))
    except OSError as error:
        raise SlideError(
            f"'{plane.slide}' is no longer there ({error.strerror}). Its labels are kept; put the slide back."
        ) from None
    if is_known(kept):
        proposal = find_version(place, plane, kept)
        return Under(proposal, "" if proposal else _missing(plane, kept))
    proposal = find_proposal(place, model, plane, stamp=stamp)
    if proposal is None and shows_part:
        proposal = find_part(place, model, plane, stamp=stamp)
    if proposal is not None:
        return Under(proposal)
    if kept is not None:
        return Under(None, _UNKNOWN.format(plane.slide))
    return Under(None, _IN_PART.format(plane.slide) if find_part(place, model, plane) else "")


def is_known(kept: ProposalId | None) -> TypeGuard[ProposalId]:
    """Whether a plane has a kept proposal, and it is written down which one."""
    return kept is not None and kept != UNKNOWN_PROPOSAL


def kept_file(place: Path, plane: PlaneId, proposal: ProposalId) -> Path:
    """Where a proposal is kept in the project at `place` once a plane was corrected on it; raises `PathError`."""
    return path_inside(place, f"{KEPT}/{proposal.model}/{plane.slide}/{plane.plane:05d}-{proposal.version}.tiles")


def find_kept(project: Project, plane: PlaneId) -> Proposal | None:
    """The proposal that a plane was corrected on, reviewed or accepted from; None where there is none, or it is gone.

    It says which pixels of a reviewed plane a model had proposed.
    """
    kept = project.kept_proposal(plane)
    return find_version(project.place, plane, kept) if is_known(kept) else None


def find_version(place: Path, plane: PlaneId, proposal: ProposalId) -> Proposal | None:
    """One certain proposal for a plane: where it is kept, or else in the cache; None where it is in neither."""
    try:
        found = read_proposal(kept_file(place, plane, proposal), proposal.model)
    except PathError:
        return None
    if found is not None:
        return replace(found, version=proposal.version)
    cached = find_proposal(place, proposal.model, plane)
    return cached if cached is not None and cached.version == proposal.version else None


def with_proposals(edit: Edit, kept: Mapping[PlaneId, ProposalId], made_on: Mapping[PlaneId, Proposal | None]) -> Edit:
    """The same edit, which also has each plane without a `kept` proposal keep the one that it was `made_on`."""

    def with_proposal(change: PlaneChange) -> PlaneChange:
        before, proposal = kept.get(change.plane), made_on.get(change.plane)
        if change.proposal is not None or is_known(before) or proposal is None or proposal.partial:
            return change
        return replace(change, proposal=ProposalChange(before, proposal.id))

    planes = tuple(with_proposal(change) for change in edit.planes)
    return edit if planes == edit.planes else replace(edit, planes=planes)


def record(
    project: Project, number: int, edit: Edit, *shapes: tuple[int, int], made_on: Mapping[PlaneId, Proposal | None]
) -> None:
    """Store an edit, as `Project.record` does, once the proposals that it names are kept.

    `made_on` are the proposals, wherever they are now.
    """
    for change in edit.planes:
        proposal = made_on.get(change.plane)
        if proposal is not None and change.proposal is not None and change.proposal.after == proposal.id:
            keep(project.place, change.plane, proposal)
    project.record(number, edit, *shapes)


def record_over(project: Project, edit: Edit, *shapes: tuple[int, int]) -> None:
    """Store an edit of planes as they are now: it has them keep what lies under them."""
    kept = {change.plane: known for change in edit.planes if (known := project.kept_proposal(change.plane))}
    made_on = {
        change.plane: find_under(
            project.folder, project.place, change.plane, kept.get(change.plane), model=project.active_model
        ).proposal
        for change in edit.planes
    }
    edit = with_proposals(edit, kept, made_on)
    record(project, project.next_edit_id(), edit, *shapes, made_on=made_on)


def settle(project: Project) -> tuple[PlaneId, ...]:
    """Keep the active model's proposals for the planes that are corrected and have none kept; returns which these are.

    Those were labelled before anything was proposed, or by a version that did not keep proposals. Raises OSError where
    the disk is full.
    """
    settled = {}
    for plane in project.unsettled_planes():
        with suppress(SlideError, PathError):
            under = find_under(project.folder, project.place, plane, None, model=project.active_model)
            if under.proposal is not None:
                keep(project.place, plane, under.proposal)
                settled[plane] = under.proposal.id
    project.settle_proposals(settled)
    return tuple(settled)


def settle_plane(project: Project, plane: PlaneId, proposal: Proposal) -> None:
    """Keep a proposal under the labels of a plane that none is kept for so far."""
    keep(project.place, plane, proposal)
    project.settle_proposals({plane: proposal.id})


def keep(place: Path, plane: PlaneId, proposal: Proposal) -> None:
    """Keep a proposal in the project at `place`: its file gets a second name, or is copied where that can't be.

    Where another one by the same model has just taken its place, that one is kept for it. Where there is none any more
    it is lost, which is said where the mask is asked for; nothing that a person did waits for it. Raises OSError where
    the disk is full or can't be written, and `PathError` where the folder `kept` is a link to another place.
    """
    file = kept_file(place, plane, proposal.id)
    if file.exists():
        return
    if read_proposal(proposal.file, proposal.model) is None:
        _log.warning("The proposal that '%s' was corrected on was gone before it could be kept", plane.slide)
        return
    file.parent.mkdir(parents=True, exist_ok=True)
    try:
        os.link(proposal.file, file)
    except FileExistsError:
        return
    except OSError as error:
        if error.errno not in _NO_LINKS:
            raise
        beside = file.with_name(f"{file.name}.part")
        try:
            shutil.copyfile(proposal.file, beside)
            beside.replace(file)
        finally:
            beside.unlink(missing_ok=True)


_UNKNOWN = (
    "'{0}' was corrected on a proposal that can't be found any more: it is of another model, or of another version of "
    "the slide. Its labels are kept, but its mask isn't whole without one. Use the model that had proposed it, or "
    "propose it again."
)
_IN_PART = (
    "Only a part of '{0}' is proposed so far, so its mask isn't whole. Wait until it is done, or propose it again."
)


def _missing(plane: PlaneId, kept: ProposalId) -> str:
    return (
        f"The proposal by '{kept.model}' that '{plane.slide}' was corrected on is missing or damaged. Its labels are "
        "kept, but its mask isn't whole without it. Put back the folder 'kept' of the project, or propose the slide "
        "again by that model, or by another one and take the newer proposal in the window."
    )
