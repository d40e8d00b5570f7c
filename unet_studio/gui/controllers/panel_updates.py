"""What the panels show of the project: its classes, models, brush, clean-up, and what a retraining would learn from."""

from PySide6.QtCore import QObject

from unet_studio.core.workspace.workspace import Workspace
from unet_studio.gui.canvas.canvas import Canvas
from unet_studio.gui.jobs.jobs import Jobs
from unet_studio.gui.panels.clean_up_panel import CleanUpPanel
from unet_studio.gui.panels.propose_panel import ProposePanel
from unet_studio.gui.panels.retrain_panel import RetrainPanel
from unet_studio.gui.panels.tool_rail import ToolRail
from unet_studio.gui.panels.view_panel import ViewPanel
from unet_studio.gui.session.newer_proposal import describe_under
from unet_studio.gui.session.painting import Painting


class PanelUpdates(QObject):
    """Brings the panels up to date with the session; while no folder is open they stay as they are."""

    def __init__(
        self,
        painting: Painting,
        tasks: Jobs,
        canvas: Canvas,
        *,
        propose: ProposePanel,
        clean_up: CleanUpPanel,
        retrain: RetrainPanel,
        view: ViewPanel,
        rail: ToolRail,
        parent: QObject,
    ) -> None:
        super().__init__(parent)
        self._session = painting.session
        self._painting = painting
        self._tasks = tasks
        self._canvas = canvas
        self._propose = propose
        self._clean_up = clean_up
        self._retrain = retrain
        self._view = view
        self._rail = rail

    def show_workspace(self, workspace: Workspace) -> None:
        """Show all of a folder that was opened."""
        self.show_classes()
        self.show_models()
        self._propose.set_threshold(workspace.threshold)
        self._retrain.set_rule(workspace.judging.too_close, can_change=not workspace.read_only)
        self._retrain.forget_training()

    def show_classes(self) -> None:
        """Show the classes, which a model may have brought."""
        workspace = self._session.workspace
        if workspace is not None:
            self._view.set_classes(workspace.classes, self._painting.active_class)
            self._clean_up.set_recipe(workspace.steps, workspace.classes)
            self._show_start()
            self.show_brush()

    def show_models(self) -> None:
        """Show the models that can be chosen, and the one in use."""
        workspace = self._session.workspace
        if workspace is not None:
            self._propose.set_models(self._session.models.known(), workspace.active_model)
            self._retrain.set_active_model(workspace.active_model)
            self._show_start()

    def show_under(self) -> None:
        """Show what the open plane was corrected on, where that isn't the active model's newest proposal."""
        plane = self._session.plane
        self._propose.set_under(describe_under(self._session), has_newer=plane is not None and plane.newer is not None)

    def show_recipe(self, workspace: Workspace) -> None:
        """Show threshold and clean-up, which an undo or redo changed."""
        self._propose.set_threshold(workspace.threshold)
        self._clean_up.set_recipe(workspace.steps, workspace.classes)

    def show_brush(self) -> None:
        """Show the brush's size and the class that it paints."""
        if self._session.workspace is not None:
            self._rail.set_size(self._painting.brush_size, self._painting.um_shown)
            self._view.set_active(self._painting.active_class)
            self._canvas.set_brush_size(self._painting.brush_size)

    def _show_start(self) -> None:
        self._retrain.set_start(warm=self._tasks.start_model() is not None)
