"""Accepting: masks become labels off the GUI thread, on the open plane or on all slides, and reviewed ones are kept."""

from collections.abc import Callable
from dataclasses import replace
from functools import partial

from PySide6.QtCore import QObject

from unet_studio.core.editing.accepting import AcceptedPlane, accept_plane, accept_planes, accept_region, review_plane
from unet_studio.core.editing.regions import Region
from unet_studio.core.exchange.kept_masks import keep_masks
from unet_studio.core.labels.edits import Edit
from unet_studio.core.labels.plane import PlaneId
from unet_studio.gui.background import Background
from unet_studio.gui.controls.notice import Notice, NoticeKind
from unet_studio.gui.session.session import OpenPlane, Session


class Accepting(QObject):
    """Makes labels of what a proposal says, once all of it is there, each time as one edit."""

    def __init__(self, session: Session, background: Background, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._session = session
        self._background = background
        session.reviews_changed.connect(self._keep_masks)

    def review(self) -> bool:
        """Confirm the open plane as a whole; its mask becomes its labels. False where a notice says why it can't be."""
        plane = self._begin()
        if plane is None:
            return False
        sentence = self.tr("review of {0}").format(plane.id.slide)
        make = partial(review_plane, plane=plane.id, sentence=sentence)
        self._work_out(plane, make, then=lambda: self._keep_masks([plane.id]))
        return True

    def accept_plane(self) -> None:
        """Give all of the open plane that nobody labelled the class of its mask."""
        plane = self._begin_accepting()
        if plane is not None:
            sentence = self.tr("accept the proposal on {0}").format(plane.id.slide)
            self._work_out(plane, partial(accept_plane, plane=plane.id, sentence=sentence))

    def accept_region(self, region: Region) -> None:
        """Give what nobody labelled inside a region of the open plane the class of its mask."""
        plane = self._begin_accepting()
        if plane is not None:
            sentence = self.tr("accept part of the proposal on {0}").format(plane.id.slide)
            self._work_out(plane, partial(accept_region, plane=plane.id, region=region, sentence=sentence))

    def accept_all(self) -> None:
        """Make labels of the masks of all proposed planes that nobody labelled yet, in one edit."""
        self._session.about_to_change.emit()
        workspace = self._session.workspace
        if workspace is None:
            return
        planes = workspace.acceptable
        if not workspace.read_only and not planes and self._awaits_rest():
            return
        if workspace.read_only or not planes:
            self._warn(workspace.read_only or self.tr("There is no proposal on a slide without labels. Propose first."))
            return

        def work() -> list[AcceptedPlane]:
            unsaved = "The last strokes are not written yet; accept the proposals when they are saved."
            with workspace.saved_project(unsaved) as project:
                return list(accept_planes(project, planes, cancelled=lambda: self._session.workspace is not workspace))

        def arrived(found: object) -> None:
            if isinstance(found, list) and self._session.workspace is workspace:
                self._take_accepted(found)
            elif isinstance(found, Exception):
                self._warn(str(found))

        self._background.run(work, arrived)

    def _take_accepted(self, found: list[AcceptedPlane]) -> None:
        assert self._session.workspace is not None
        self._session.about_to_change.emit()
        edit = self._session.workspace.accept(found)
        if edit is not None:
            self._session.tell_edit(edit)
        problems = [accepted.problem for accepted in found if accepted.problem]
        if problems:
            text = self.tr("%n proposal(s) could not be accepted. {0}", "", len(problems))
            self._warn(text.format(problems[0]))

    def _begin(self) -> OpenPlane | None:
        """The open plane, if its mask may become labels; what is under way ends first."""
        self._session.about_to_change.emit()
        return self._session.plane if self._session.may_edit() and not self._awaits_rest() else None

    def _begin_accepting(self) -> OpenPlane | None:
        """The same, where there is a proposal; says why not."""
        plane = self._begin()
        if plane is not None and plane.view.proposal is None:
            self._warn(self.tr("'{0}' has no proposal to accept. Propose first.").format(plane.id.slide))
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
        self._warn(text.format(plane.id.slide))
        return True

    def _work_out(
        self, plane: OpenPlane, make: Callable[..., Edit | None], then: Callable[[], None] = lambda: None
    ) -> None:
        """Have an edit of a whole plane made off this thread and take it; again if the plane changed meanwhile.

        `make` gets a view of the plane and, by name, its state and a function that says whether to stop.
        """
        session, workspace = self._session, self._session.workspace
        assert workspace is not None
        version, state = plane.labels.version, workspace.state(plane.id)
        view = replace(plane.view, labels=plane.labels.snapshot())

        def work() -> Edit | None:
            edit = make(view, state=state, cancelled=lambda: session.workspace is not workspace)
            if edit is not None:
                edit.change.make(view.labels)
            return edit

        def arrived(edit: object) -> None:
            if session.workspace is not workspace:
                return
            if isinstance(edit, Exception):
                session.notice.emit(Notice(str(edit), NoticeKind.ERROR))
                return
            if session.plane is not None and session.plane.id == plane.id:
                session.about_to_change.emit()
            labels = workspace.labels(plane.id, plane.shape)
            if labels is not plane.labels or labels.version != version or workspace.state(plane.id) is not state:
                again = replace(plane, labels=labels, view=replace(plane.view, labels=labels))
                self._work_out(again, make, then)
                return
            if isinstance(edit, Edit):
                labels.adopt(view.labels)
                session.commit(edit, plane.shape)
            then()

        self._background.run(work, arrived)

    def _keep_masks(self, planes: list[PlaneId]) -> None:
        """Bring masks/… up to date for planes that became reviewed or no longer are, once that is on the disk."""
        workspace = self._session.workspace
        assert workspace is not None

        def work() -> None:
            unsaved = (
                "The last strokes are not written yet, so the masks in the project's folder are not up to date; "
                "mark the slide as reviewed again when they are saved."
            )
            with workspace.saved_project(unsaved) as project:
                keep_masks(project, planes)

        def arrived(problem: object) -> None:
            if isinstance(problem, Exception):
                self._warn(str(problem))

        self._background.run(work, arrived)

    def _warn(self, text: str) -> None:
        self._session.notice.emit(Notice(text, NoticeKind.WARNING))
