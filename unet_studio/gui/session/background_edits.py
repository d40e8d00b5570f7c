"""Edits that are worked out off the GUI thread: what a person asked for is kept in mind until it is done."""

from collections.abc import Callable
from typing import TypeVar

from PySide6.QtCore import QObject

from unet_studio.errors import StudioError
from unet_studio.gui.background import Background
from unet_studio.gui.session.session import Session

_T = TypeVar("_T")


class BackgroundEdits(QObject):
    """Runs what may take long, in threads of their own, and counts it as unsaved: a folder waits for it to close."""

    def __init__(self, session: Session, background: Background, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._session = session
        self._background = background

    def run(
        self,
        sentence: str,
        work: Callable[[], _T],
        take: Callable[[_T], None],
        *,
        failed: Callable[[StudioError], None] | None = None,
        becomes_edit: bool = True,
    ) -> None:
        """Run `work` in a thread and `take` its result here, as long as the folder is open; the session tells failures.

        `sentence` says what is being done ("review of a.png"). `work` is to end early once the folder is closed.
        `becomes_edit` is False where it only brings files up to date with what is stored.
        """
        session, workspace = self._session, self._session.workspace
        if workspace is None:
            return
        number = workspace.unsaved.begin(sentence, becomes_edit=becomes_edit)

        def done(act: Callable[[], None]) -> None:
            try:
                if session.workspace is workspace:
                    act()
            finally:
                workspace.unsaved.end(number)

        self._background.run(
            sentence,
            work,
            lambda result: done(lambda: take(result)),
            failed=lambda error: done(lambda: (failed or session.tell)(error)),
            dropped=lambda _: workspace.unsaved.end(number),
        )
