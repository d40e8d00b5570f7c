"""What can be compared on the open plane: its mask, its labels, and the proposals of each model."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from PySide6.QtCore import QCoreApplication

from unet_studio.core.classes import UNLABELLED
from unet_studio.core.masks.mask_view import MaskView
from unet_studio.core.masks.proposals import Proposal, find_proposal, slide_stamp
from unet_studio.core.masks.sources import MaskSource, SourceKind
from unet_studio.core.slides.finding import slide_file
from unet_studio.errors import PathError
from unet_studio.gui.session.open_plane import OpenPlane
from unet_studio.gui.session.session import Session

Pair = tuple[MaskSource, MaskSource]


@dataclass(frozen=True, slots=True)
class Comparable:
    """What can be compared on a plane: `sources`, none unless labels and proposals are two at least.

    `proposals` are those of the plane, by model, and `reason` says why there is nothing to compare.
    """

    sources: tuple[MaskSource, ...] = ()
    proposals: Mapping[str, Proposal] = field(default_factory=dict)
    reason: str = ""

    def pair(self, asked: Pair | None) -> Pair | None:
        """What was asked for where the plane has both; else the mask and what differs from it most likely."""
        if not self.sources:
            return None
        if asked is not None and set(asked) <= set(self.sources):
            return asked
        return self.sources[0], self.sources[-1]

    def views(self, mask: MaskView, pair: Pair) -> tuple[MaskView, MaskView]:
        """What each source of a pair says of the plane of `mask`."""
        first, second = (source.view(mask, self.proposals) for source in pair)
        return first, second


def find_comparable(session: Session) -> Comparable:
    """What can be compared on the open plane of a session; nothing where none is open."""
    plane = session.plane
    if plane is None:
        return Comparable()
    proposals = _find_proposals(session, plane)
    titles = {card.id: card.title for card in session.models.known()}
    names = {key: _name(key, proposal, titles) for key, proposal in proposals.items()}
    has_labels = _has_labels(plane)
    labels = [MaskSource(_translate("labels"), SourceKind.LABELS)] if has_labels else []
    parts = labels + [MaskSource(names[model], SourceKind.PROPOSAL, model) for model in proposals]
    if len(parts) < 2:
        return Comparable((), proposals, _why_nothing(has_labels=has_labels, names=list(names.values())))
    return Comparable((MaskSource(_translate("mask"), SourceKind.MASK), *parts), proposals)


def _find_proposals(session: Session, plane: OpenPlane) -> dict[str, Proposal]:
    """The proposals for the open plane by model, the active model's first, or last where it is a newer one.

    The kept one is under its own name where its model made another since. One with more classes than the project has
    says nothing here.
    """
    workspace = session.workspace
    assert workspace is not None
    try:
        stamp = slide_stamp(slide_file(workspace.folder, plane.id.slide))
    except (OSError, PathError):
        return {}  # the slide is gone, and the session tells so
    models = [card.id for card in session.models.known()]
    models.sort(key=lambda model: (model == workspace.active_model) is (plane.newer is not None))
    found = {model: find_proposal(workspace.place, model, plane.id, stamp=stamp) for model in models}
    under = plane.view.proposal
    if under is not None and not under.partial:
        cached = found.get(under.model)
        is_cached = cached is not None and cached.id == under.id
        found = {(under.model if is_cached else str(under.id)): under, **found}
        if is_cached:
            found[under.model] = under
    return {
        key: proposal
        for key, proposal in found.items()
        if proposal is not None and proposal.channels < len(workspace.classes)
    }


def _name(key: str, proposal: Proposal, titles: Mapping[str, str]) -> str:
    name = _translate("proposal of {0}") if key == proposal.model else _translate("kept proposal of {0}")
    return name.format(titles.get(proposal.model, proposal.model))


def _why_nothing(*, has_labels: bool, names: list[str]) -> str:
    if has_labels:
        return _translate("Nothing to compare yet: this slide has only labels. Have a model propose a mask for it.")
    if names:
        return _translate(
            "Nothing to compare yet: this slide has only the {0}. Correct it, or let another model propose."
        ).format(names[0])
    return _translate("Nothing to compare yet: this slide has neither labels nor a proposal.")


def _has_labels(plane: OpenPlane) -> bool:
    """Whether anything is labelled on the plane."""
    for cell in plane.labels.cells:
        tile = plane.labels.tile(cell)
        if tile is not None and (tile != UNLABELLED).any():
            return True
    return False


def _translate(text: str) -> str:
    return QCoreApplication.translate("Comparison", text)
