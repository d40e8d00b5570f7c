"""What can be done between the planes of a stack, each as one edit."""

from collections.abc import Callable

from PySide6.QtCore import QObject

from unet_studio.core.editing.between_planes import copy_labels, interpolate_planes
from unet_studio.core.editing.repaint import repaint_edit
from unet_studio.core.labels.edits import Edit, PlaneChange
from unet_studio.core.labels.plane import PlaneId
from unet_studio.core.workspace.workspace import Workspace
from unet_studio.gui.session.background_edits import BackgroundEdits
from unet_studio.gui.session.open_plane import OpenPlane
from unet_studio.gui.session.session import Session


class PlaneEdits(QObject):
    """Carries labels from plane to plane of the open slide, off the GUI thread."""

    def __init__(self, session: Session, edits: BackgroundEdits, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._session = session
        self._edits = edits

    def copy_labels(self) -> None:
        """Label what nobody labelled of the open plane as it is on the plane before."""
        opened = self._begin()
        if opened is None:
            return
        plane, workspace = opened
        source = PlaneId(plane.id.slide, plane.id.plane - 1)
        if source not in workspace.states:
            self._session.warn(
                self.tr("There are no labels to copy: nothing is labelled on the plane before this one.")
            )
            return
        sentence = self.tr("copy labels to plane {0} of {1}").format(plane.id.plane + 1, plane.id.slide)

        def work() -> Edit | None:
            labels = workspace.planes.read(plane.id, plane.shape)
            repaint = copy_labels(workspace.planes.read(source, plane.shape), labels)
            return repaint_edit(labels, plane.id, repaint, sentence, state=workspace.state(plane.id))

        nothing = self.tr("Nothing to copy: all that is labelled on the plane before is labelled here as well.")
        self._work_out(workspace, plane, sentence, work, nothing)

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
            self._session.warn(
                self.tr(
                    "Interpolating needs labels on a plane before and on a plane after this one. Label these first."
                )
            )
            return
        numbers = range(before[-1], after[0] + 1)
        lower, *between, upper = (PlaneId(plane.id.slide, number) for number in numbers)
        sentence = self.tr("interpolate planes {0} to {1} of {2}").format(numbers[1] + 1, numbers[-1], plane.id.slide)

        def work() -> Edit | None:
            labels = {found: workspace.planes.read(found, plane.shape) for found in (lower, *between, upper)}
            changes: list[PlaneChange] = []
            repaints = interpolate_planes(labels[lower], labels[upper], [labels[found] for found in between])
            for found, repaint in zip(between, repaints, strict=True):
                edit = repaint_edit(labels[found], found, repaint, sentence, state=workspace.state(found))
                changes += edit.planes if edit is not None else ()
            return Edit(sentence, tuple(changes)) if changes else None

        nothing = self.tr("Nothing to interpolate: the two planes have no class in common.")
        self._work_out(workspace, plane, sentence, work, nothing)

    def _work_out(
        self, workspace: Workspace, plane: OpenPlane, sentence: str, work: Callable[[], Edit | None], nothing: str
    ) -> None:
        """Have an edit of planes of the open slide worked out and take it; again if something was edited meanwhile."""
        newest = workspace.next_undo

        def take(edit: Edit | None) -> None:
            self._session.finish_tool()
            if workspace.next_undo is not newest:
                self._work_out(workspace, plane, sentence, work, nothing)
            elif edit is not None:
                self._session.perform(edit, *(plane.shape for _ in edit.planes))
            else:
                self._session.warn(nothing)

        self._edits.run(sentence, work, take)

    def _begin(self) -> tuple[OpenPlane, Workspace] | None:
        """The open plane and its folder, if it may be changed; what is under way ends first."""
        self._session.finish_tool()
        plane, workspace = self._session.plane, self._session.workspace
        return (plane, workspace) if plane is not None and workspace is not None and self._session.may_edit() else None
