"""Models to choose from, and the one in use."""

from collections.abc import Callable
from functools import partial

from unet_studio.core.figures.display import read_small
from unet_studio.core.models.cards import ModelCard, bundled_models, find_model, project_models, suited_starter
from unet_studio.core.models.notes import read_note, write_note
from unet_studio.core.workspace.workspace import Workspace
from unet_studio.errors import ModelError
from unet_studio.gui.background import Background
from unet_studio.gui.session.open_plane import OpenPlane
from unet_studio.usecases.remove_model import RemovedModel, remove_model


class Models:
    """The models of the open folder and the starter models; which of them proposes is a person's choice.

    `used` is told that another one is in use, or of the `ModelError` why it can't be, `listed` that the list of them
    has to be shown anew.
    """

    def __init__(
        self, background: Background, used: Callable[[ModelError | None], None], listed: Callable[[], None]
    ) -> None:
        self._background = background
        self._used = used
        self._listed = listed
        self._workspace: Workspace | None = None
        self._suits_first_slide = False  # whether the first slide that is seen may still choose a starter model

    def open(self, workspace: Workspace) -> None:
        """Another folder is open. A new project starts with some model: its newest, or a starter model."""
        self._workspace = workspace
        self._suits_first_slide = False
        known = self.known()
        if workspace.active_model not in [card.id for card in known] and known and not workspace.read_only:
            self.use(known[0].id)
            self._suits_first_slide = known[0].is_bundled

    def close(self) -> None:
        self._workspace = None

    def known(self) -> list[ModelCard]:
        """Models that can be chosen: retrained ones, newest first, then the starter models."""
        if self._workspace is None:
            return bundled_models()
        return list(reversed(project_models(self._workspace.place))) + bundled_models()

    def active(self) -> ModelCard | None:
        """The active model's card."""
        active = self._workspace.active_model if self._workspace else ""
        return next((card for card in self.known() if card.id == active), None)

    def use(self, model: str) -> None:
        """Make a model the active one; a project without labels takes over its classes."""
        self._suits_first_slide = False
        if self._workspace is None or self._workspace.read_only:
            return
        try:
            self._workspace.use_model(find_model(model, self._workspace.place))
        except ModelError as error:
            self._used(error)
        else:
            self._used(None)

    def note(self, model: str, text: str) -> None:
        """Note something of a model of the project, in the background."""
        card = next((card for card in self.known() if card.id == model), None)
        if card is not None and text != read_note(card):
            self._background.run(f"noting something of '{card.title}'", partial(write_note, card, text), self._relist)

    def remove(self, model: str, told: Callable[[RemovedModel], None], *, gives_up: bool) -> None:
        """Remove a model of the project in the background; `told` is called once it is gone.

        With `gives_up` so are interrupted trainings that can't go on without it; otherwise it stays where there are
        some.
        """
        workspace = self._workspace
        if workspace is None or workspace.read_only:
            return

        def work() -> RemovedModel:
            with workspace.saved_project("The last changes are not written yet; remove it when they are.") as project:
                return remove_model(project, model, gives_up=gives_up)

        def gone(removed: RemovedModel) -> None:
            self._relist()
            told(removed)

        self._background.run("removing a model", work, gone)

    def _relist(self, _: object = None) -> None:
        if self._workspace is not None:
            self._listed()

    def suit(self, plane: OpenPlane) -> None:
        """Now that the first slide is there, use the starter model for its kind, unless someone has chosen by now."""
        workspace = self._workspace
        if not self._suits_first_slide or workspace is None:
            return

        def found(card: ModelCard | None) -> None:
            if self._suits_first_slide and card is not None and self._workspace is workspace:
                self._suits_first_slide = False
                if card.id != workspace.active_model:
                    self.use(card.id)

        self._background.run(
            "choosing a model for the slides", lambda: suited_starter(read_small(plane.reader, plane.id.plane)), found
        )
