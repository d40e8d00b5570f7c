"""Reviewing slide after slide, and what the list says of each."""

from collections.abc import Callable
from dataclasses import replace

from PySide6.QtCore import QObject

from unet_studio.core.labels.plane import PlaneId, PlaneState
from unet_studio.core.workspace.workspace import Workspace
from unet_studio.gui.controllers.review_queue import ReviewQueue
from unet_studio.gui.controls.notice import Notice, NoticeKind
from unet_studio.gui.panels.message_bar import MessageBar
from unet_studio.gui.session.accepting import Accepting
from unet_studio.gui.session.open_plane import OpenPlane
from unet_studio.gui.session.session import Session
from unet_studio.gui.slide_list.model import SlideStatus
from unet_studio.gui.slide_list.slide_list import SlideListPanel
from unet_studio.gui.slide_list.statuses import slide_statuses


class Navigation(QObject):
    """Confirms slides one after the other, and keeps the list at the slide that is open and its states up to date."""

    def __init__(
        self,
        session: Session,
        accepting: Accepting,
        queue: ReviewQueue,
        slides: SlideListPanel,
        messages: MessageBar,
        propose: Callable[[], None],
        parent: QObject,
    ) -> None:
        super().__init__(parent)
        self._session = session
        self._accepting = accepting
        self._queue = queue
        self._slides = slides
        self._messages = messages
        self._propose = propose

    # Going

    def review_and_go_on(self) -> None:
        """Confirm the mask of the open plane as a whole and open the next slide; ask first where nothing is marked."""
        workspace, plane = self._session.workspace, self._session.plane
        if workspace is None or plane is None or plane.id.slide != self._slides.current():
            return  # the next slide is still being read: nobody has seen what would be confirmed
        self._session.finish_tool()
        if workspace.state(plane.id) is not PlaneState.REVIEWED and plane.is_unmarked and self._session.may_edit():
            self._ask_whether_empty(plane.id)
        else:
            self._confirm()

    def _ask_whether_empty(self, plane: PlaneId) -> None:
        """One key must not make a whole plane background of which nobody said anything."""

        def confirm() -> None:
            if self._session.plane is not None and self._session.plane.id == plane:
                self._confirm()

        text = self.tr("Nothing is marked on '{0}', and nothing is proposed. Is it really empty?").format(plane.slide)
        notice = Notice(text, NoticeKind.WARNING, self.tr("It is empty, confirm"), confirm)
        self._messages.show_notice(replace(notice, other_text=self.tr("Propose first"), other=self._propose))

    def _confirm(self) -> None:
        if not self._accepting.review():
            return
        if not self._queue.next():
            self._messages.show_notice(Notice(self.tr("This was the last slide of the list.")))

    # The list

    def list_slides(self, workspace: Workspace) -> None:
        """List the slides of a folder that was opened."""
        self._slides.set_slides(workspace.slides)
        self.show_states()

    def select(self, plane: OpenPlane) -> None:
        """Show in the list which slide was opened."""
        self._slides.select(plane.id.slide)

    def show_states(self, slides: frozenset[str] | None = None) -> None:
        """Show how far these slides got, or all of them."""
        workspace = self._session.workspace
        if workspace is None:
            return
        if slides is not None and len(slides) == 1:
            (slide,) = slides
            self._slides.set_status(slide, slide_statuses(workspace, slide).get(slide, SlideStatus()))
        else:
            known = slide_statuses(workspace)
            self._slides.set_statuses({slide: known.get(slide, SlideStatus()) for slide in workspace.slides})

    # What can't be read

    def show_problem(self, slide: str, reason: str) -> None:
        """Show at a slide why it can't be read or proposed."""
        self._slides.set_status(slide, SlideStatus(problem=reason))

    def tell_unreadable(self, slide: str, reason: str) -> None:
        """A slide that was to be opened can't be."""
        self._slides.select(slide)
        self.show_problem(slide, reason)
        self._messages.show_notice(Notice(reason, NoticeKind.WARNING))

    def tell_unreadable_part(self, reason: str) -> None:
        """The slide on the canvas shrank, vanished or turned unreadable; its labels can still be worked on."""
        if self._session.plane is not None:
            self.show_problem(self._session.plane.id.slide, reason)
            self._messages.show_notice(Notice(self.tr("{0} Its labels are kept.").format(reason), NoticeKind.WARNING))

    def tell_no_mask(self, reason: str) -> None:
        """Part of the mask of the plane on the canvas can't be worked out."""
        text = self.tr("{0} Until then only your labels are shown there.").format(reason)
        self._messages.show_notice(Notice(text, NoticeKind.WARNING))
