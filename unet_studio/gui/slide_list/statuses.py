"""How far a person got with each slide, from the states of its planes."""

from PySide6.QtCore import QCoreApplication

from unet_studio.core.labels.plane import PlaneState
from unet_studio.core.workspace.workspace import Workspace
from unet_studio.gui.slide_list.model import SlideStatus


def slide_statuses(workspace: Workspace, only: str | None = None) -> dict[str, SlideStatus]:
    """The status of every slide (or one) with a plane that isn't new."""
    return {slide: _status(planes) for slide, planes in workspace.states_by_slide(only).items()}


def _status(planes: dict[int, PlaneState]) -> SlideStatus:
    """A slide is reviewed if all planes that were looked at are, and corrected if any was worked on."""
    reviewed = sum(state is PlaneState.REVIEWED for state in planes.values())
    if reviewed == len(planes):
        state = PlaneState.REVIEWED
    elif reviewed or PlaneState.CORRECTED in planes.values():
        state = PlaneState.CORRECTED
    else:
        state = PlaneState.PROPOSED
    if len(planes) == 1:
        return SlideStatus(state)
    text = QCoreApplication.translate("SlideStatuses", "{0} of {1} planes reviewed")
    return SlideStatus(state, text.format(reviewed, len(planes)))
