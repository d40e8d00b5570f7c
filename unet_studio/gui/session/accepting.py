"""Accepting: masks become labels off the GUI thread, on the open plane or on all slides."""

from collections.abc import Callable
from dataclasses import replace
from functools import partial

from PySide6.QtCore import QObject

from unet_studio.core.editing.accepting import AcceptedPlane, accept_plane, accept_planes, accept_region, review_plane
from unet_studio.core.editing.regions import Region
from unet_studio.core.labels.edits import Edit
from unet_studio.core.labels.plane import LabelPlane
from unet_studio.core.workspace.accepting import acceptable_planes
from unet_studio.gui.session.background_edits import BackgroundEdits
from unet_studio.gui.session.mask_files import MaskFiles
from unet_studio.gui.session.open_plane import OpenPlane
from unet_studio.gui.session.session import Session


class Accepting(QObject):
    """Makes labels of what a proposal says, once all of it is there, each time as one edit."""

    def __init__(
        self, session: Session, edits: BackgroundEdits, mask_files: MaskFiles, parent: QObject | None = None
    ) -> None:
        super().__init__(parent)
        self._session = session
        self._edits = edits
        self._mask_files = mask_files

    def review(self) -> bool:
        """Confirm the open plane as a whole; its mask becomes its labels. False where a notice says why it can't be."""
        plane = self._begin()
        if plane is None:
            return False
        sentence = self.tr("review of {0}").format(plane.id.slide)
        make = partial(review_plane, plane=plane.id, sentence=sentence)
        # Also where nothing changes, since the file may be missing.
        self._work_out(plane, sentence, make, unchanged=lambda: self._mask_files.renew((plane.id,)))
        return True

    def accept_plane(self) -> None:
        """Give all of the open plane that nobody labelled the class of its mask."""
        plane = self._begin_accepting()
        if plane is not None:
            sentence = self.tr("accept the proposal on {0}").format(plane.id.slide)
            self._work_out(plane, sentence, partial(accept_plane, plane=plane.id, sentence=sentence))

    def accept_region(self, region: Region) -> None:
        """Give what nobody labelled inside a region of the open plane the class of its mask."""
        plane = self._begin_accepting()
        if plane is not None:
            sentence = self.tr("accept part of the proposal on {0}").format(plane.id.slide)
            make = partial(accept_region, plane=plane.id, region=region, sentence=sentence)
            self._work_out(plane, sentence, make)

    def accept_all(self) -> None:
        """Make labels of the masks of all proposed planes that nobody labelled yet, in one edit."""
        session = self._session
        session.finish_tool()
        workspace = session.workspace
        if workspace is None:
            return
        planes = acceptable_planes(workspace)
        if not workspace.read_only and not planes and self._awaits_rest():
            return
        if workspace.read_only or not planes:
            self._session.warn(
                workspace.read_only or self.tr("There is no proposal on a slide without labels. Propose first.")
            )
            return

        def work() -> list[AcceptedPlane]:
            closed = partial(_is_not, session, workspace)
            return list(accept_planes(workspace.proposed_view, planes, cancelled=closed))

        self._edits.run(self.tr("accept the proposals of %n plane(s)", "", len(planes)), work, self._take_accepted)

    def _take_accepted(self, found: list[AcceptedPlane]) -> None:
        self._session.accept(found)
        problems = [accepted.problem for accepted in found if accepted.problem]
        if problems:
            text = self.tr("%n proposal(s) could not be accepted. {0}", "", len(problems))
            self._session.warn(text.format(problems[0]))

    def _begin(self) -> OpenPlane | None:
        """The open plane, if its mask may become labels; what is under way ends first."""
        self._session.finish_tool()
        return self._session.plane if self._session.may_edit() and not self._awaits_rest() else None

    def _begin_accepting(self) -> OpenPlane | None:
        """The same, where there is a proposal; says why not."""
        plane = self._begin()
        if plane is not None and plane.view.proposal is None:
            self._session.warn(self.tr("'{0}' has no proposal to accept. Propose first.").format(plane.id.slide))
            return None
        return plane

    def _awaits_rest(self) -> bool:
        """Whether only a part of the open plane is proposed so far; says that it must not become labels yet.

        What isn't proposed looks like background, and would be labelled as such. Within the part too, what the clean-up
        does to an object at its edge depends on the rest.
        """
        plane = self._session.plane
        if plane is None or plane.view.proposal is None or not plane.view.proposal.partial:
            return False
        text = self.tr(
            "'{0}' is proposed only in part so far, and what is not proposed yet would be taken for background. "
            "Wait until it is done, then accept or review it; painting is possible meanwhile."
        )
        self._session.warn(text.format(plane.id.slide))
        return True

    def _work_out(
        self,
        plane: OpenPlane,
        sentence: str,
        make: Callable[..., Edit | None],
        *,
        unchanged: Callable[[], None] = lambda: None,
    ) -> None:
        """Have an edit of a whole plane made off this thread and take it; again if the plane changed meanwhile.

        `make` gets a view of the plane and, by name, its state and a function that says whether to stop.
        """
        session, workspace = self._session, self._session.workspace
        assert workspace is not None
        version, state = plane.labels.version, workspace.state(plane.id)
        view = replace(plane.view, labels=plane.labels.snapshot())

        def work() -> tuple[Edit | None, LabelPlane]:
            edit = make(view, state=state, cancelled=partial(_is_not, session, workspace))
            if edit is not None:
                edit.change.make(view.labels)
            return edit, view.labels

        def take(result: tuple[Edit | None, LabelPlane]) -> None:
            if session.plane is not None and session.plane.id == plane.id:
                session.finish_tool()
            edit, made = result
            if plane.labels.version != version or workspace.state(plane.id) is not state:
                self._work_out(plane, sentence, make, unchanged=unchanged)
            elif edit is not None:
                session.perform(edit, plane.shape, made=made, made_on={plane.id: view.proposal})
            else:
                unchanged()

        self._edits.run(sentence, work, take)


def _is_not(session: Session, workspace: object) -> bool:
    """Whether another folder is open by now, or none."""
    return session.workspace is not workspace
