"""What can be done between the planes of a stack, each as one edit."""

from PySide6.QtCore import QObject

from unet_studio.core.editing.between_planes import copy_labels, interpolate_planes
from unet_studio.core.editing.repaint import repaint_edit
from unet_studio.core.labels.edits import Edit, PlaneChange
from unet_studio.core.labels.plane import PlaneId
from unet_studio.core.workspace.workspace import Workspace
from unet_studio.errors import StudioError
from unet_studio.gui.background import Background
from unet_studio.gui.controls.notice import Notice, NoticeKind
from unet_studio.gui.session.session import OpenPlane, Session


class PlaneEdits(QObject):
    """Carries labels from plane to plane of the open slide."""

    def __init__(self, session: Session, background: Background, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._session = session
        self._background = background

    def copy_labels(self) -> None:
        """Label what nobody labelled of the open plane as it is on the plane before."""
        opened = self._begin()
        if opened is None:
            return
        plane, workspace = opened
        source = PlaneId(plane.id.slide, plane.id.plane - 1)
        if source not in workspace.states:
            self._tell(self.tr("There are no labels to copy: nothing is labelled on the plane before this one."))
            return
        try:
            repaint = copy_labels(workspace.peek(source, plane.shape), plane.labels)
        except StudioError as problem:
            self._tell(str(problem))
            return
        sentence = self.tr("copy labels to plane {0} of {1}").format(plane.id.plane + 1, plane.id.slide)
        edit = repaint_edit(plane.labels, plane.id, repaint, sentence, state=workspace.state(plane.id))
        if edit is None:
            self._tell(self.tr("Nothing to copy: all that is labelled on the plane before is labelled here as well."))
        else:
            self._session.apply(edit)

    def interpolate(self) -> None:
        """Label the planes between the labelled ones before and after the open plane."""
        opened = self._begin()
        if opened is None:
            return
        plane, workspace = opened
        labelled = sorted(p.plane for p in workspace.states if p.slide == plane.id.slide and p != plane.id)
        before = [number for number in labelled if number < plane.id.plane]
        after = [number for number in labelled if number > plane.id.plane]
        if not before or not after:
            self._tell(
                self.tr(
                    "Interpolating needs labels on a plane before and on a plane after this one. Label these first."
                )
            )
            return
        self._interpolate(workspace, plane, range(before[-1], after[0] + 1))

    def _interpolate(self, workspace: Workspace, plane: OpenPlane, numbers: range) -> None:
        """Label the inner ones of these planes off this thread; again if something was edited meanwhile."""
        lower, *between, upper = (PlaneId(plane.id.slide, number) for number in numbers)
        labels = {found: workspace.peek(found, plane.shape) for found in (lower, *between, upper)}
        states = {found: workspace.state(found) for found in between}
        newest = workspace.next_undo
        sentence = self.tr("interpolate planes {0} to {1} of {2}").format(numbers[1] + 1, numbers[-1], plane.id.slide)

        def work() -> Edit | None:
            changes: list[PlaneChange] = []
            repaints = interpolate_planes(labels[lower], labels[upper], [labels[found] for found in between])
            for found, repaint in zip(between, repaints, strict=True):
                edit = repaint_edit(labels[found], found, repaint, sentence, state=states[found])
                changes += edit.planes if edit is not None else ()
            return Edit(sentence, tuple(changes)) if changes else None

        def arrived(edit: object) -> None:
            if self._session.workspace is not workspace:
                return
            self._session.about_to_change.emit()
            if workspace.next_undo is not newest:
                self._interpolate(workspace, plane, numbers)
            elif isinstance(edit, Edit):
                self._session.apply_to_all(edit, plane.shape)
            else:
                nothing = self.tr("Nothing to interpolate: the two planes have no class in common.")
                self._tell(nothing if edit is None else str(edit))

        self._background.run(work, arrived)

    def _begin(self) -> tuple[OpenPlane, Workspace] | None:
        """The open plane and its folder, if it may be changed; what is under way ends first."""
        self._session.about_to_change.emit()
        plane, workspace = self._session.plane, self._session.workspace
        return (plane, workspace) if plane is not None and workspace is not None and self._session.may_edit() else None

    def _tell(self, text: str) -> None:
        self._session.notice.emit(Notice(text, NoticeKind.WARNING))
