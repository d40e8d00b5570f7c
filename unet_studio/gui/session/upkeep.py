"""Looking after an open project: backups of it, masks that were never written, a word about what makes no sense."""

from PySide6.QtCore import QObject, QTimer

from unet_studio.core.workspace.workspace import Workspace
from unet_studio.gui.background import Background
from unet_studio.gui.session.mask_files import MaskFiles
from unet_studio.gui.session.session import Session

_FIRST_MS = 2_000
"""After a folder was opened: its first slide comes first."""
_EVERY_MS = 30 * 60_000


class Upkeep(QObject):
    """Has the open project backed up in the background, soon after it is opened and then every half hour.

    The masks of reviewed planes that are missing or outdated, as where the program was ended before it wrote them, are
    written once it is open.
    """

    def __init__(
        self, session: Session, background: Background, mask_files: MaskFiles, parent: QObject | None = None
    ) -> None:
        super().__init__(parent)
        self._session = session
        self._background = background
        self._mask_files = mask_files
        self._told: set[str] = set()
        self._timer = QTimer(self, singleShot=True)
        self._timer.timeout.connect(self._look)
        session.workspace_opened.connect(self._begin)
        session.workspace_closed.connect(self._timer.stop)

    def _begin(self, workspace: Workspace) -> None:
        self._told.clear()
        self._timer.start(_FIRST_MS)
        if not workspace.read_only:
            self._background.run("looking for outdated masks", workspace.outdated_masks, self._mask_files.renew)

    def _look(self) -> None:
        workspace = self._session.workspace
        if workspace is None:
            return

        def done(problems: tuple[str, ...]) -> None:
            if self._session.workspace is workspace:
                self._timer.start(_EVERY_MS)
                self._tell(problems)

        doing = "backing up the project"
        self._background.run(doing, workspace.look_after, done, failed=lambda error: done((str(error),)))

    def _tell(self, problems: tuple[str, ...]) -> None:
        """Say each problem once while the folder is open."""
        for problem in problems:
            if problem not in self._told:
                self._told.add(problem)
                self._session.warn(problem)
