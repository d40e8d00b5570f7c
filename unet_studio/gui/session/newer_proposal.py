"""The newer proposal: a corrected plane keeps the one that it was corrected on until a person takes another."""

from PySide6.QtCore import QCoreApplication

from unet_studio.core.labels.plane import PlaneState
from unet_studio.gui.session.session import Session


def take_newer(session: Session) -> None:
    """Put the active model's proposal under the labels of the open plane, as an edit that changes no label.

    A notice says where there is no newer one.
    """
    session.finish_tool()
    plane, workspace = session.plane, session.workspace
    if plane is None or workspace is None or not session.may_edit():
        return
    if plane.newer is None:
        session.warn(
            _translate("'{0}' shows the newest proposal that there is. Propose it again to have another.").format(
                plane.id.slide
            )
        )
        return
    sentence = _translate("newer proposal for {0}").format(plane.id.slide)
    edit = workspace.edit_to_take(plane.newer, plane.id, sentence)
    session.perform(edit, plane.shape, made_on={plane.id: plane.newer})


def describe_under(session: Session) -> str:
    """What to know of the proposal under the labels of the open plane, where it isn't the active model's newest."""
    plane, workspace = session.plane, session.workspace
    if plane is None or workspace is None or workspace.state(plane.id) is not PlaneState.CORRECTED:
        return ""
    if plane.view.problem:
        return "" if plane.view.is_whole else _translate("The proposal that this slide was corrected on is missing.")
    under = plane.view.proposal
    if under is None or (under.model == workspace.active_model and plane.newer is None):
        return ""
    title = next((card.title for card in session.models.known() if card.id == under.model), under.model)
    if plane.newer is None:
        text = _translate("This slide keeps the proposal that it was corrected on, by another model: {0}.")
    elif under.model == workspace.active_model:
        text = _translate("This slide keeps the proposal that it was corrected on. {0} has made another one since.")
    else:
        text = _translate(
            "This slide keeps the proposal that it was corrected on, by another model: {0}. There is a newer one."
        )
    return text.format(title)


def _translate(text: str) -> str:
    return QCoreApplication.translate("NewerProposal", text)
