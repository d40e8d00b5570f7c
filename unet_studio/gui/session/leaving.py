"""Leaving a folder: what is not on the disk yet is waited for, with the window alive, and asked about only then."""

from enum import Enum, auto

from PySide6.QtCore import QEventLoop, QTimer, SignalInstance

from unet_studio.core.workspace.unsaved import Unsaved, UnsavedState


class Leave(Enum):
    """What to do where not all can be saved and the folder shall be closed."""

    WAIT = auto()
    DISCARD = auto()
    """Give up what is not saved, or it has been saved elsewhere."""
    STAY = auto()


def wait_for(unsaved: Unsaved, changed: SignalInstance, seconds: float) -> None:
    """Let events of the window go on, but for keys and mouse, until all is saved or so many seconds have passed.

    `changed` tells each time how things stand. Waiting ends early once it is known why nothing can be written.
    """
    loop = QEventLoop()
    first_problem = unsaved.state().problem

    def look(state: UnsavedState) -> None:
        if state.count == 0 or (state.problem and not first_problem):
            loop.quit()

    connection = changed.connect(look)
    timer = QTimer()
    timer.setSingleShot(True)
    timer.timeout.connect(loop.quit)
    timer.start(round(1000 * seconds))
    if unsaved.count > 0:
        loop.exec(QEventLoop.ProcessEventsFlag.ExcludeUserInputEvents)
    changed.disconnect(connection)
