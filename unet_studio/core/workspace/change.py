"""What changed in an open folder: the one value that comes of every edit, undo and redo."""

from dataclasses import dataclass

from unet_studio.core.labels.edits import Edit
from unet_studio.core.labels.plane import PlaneId, PlaneState
from unet_studio.core.tiles import Box


@dataclass(frozen=True, slots=True)
class Change:
    """An edit that was made, or taken back."""

    edit: Edit
    undone: bool = False

    @property
    def sentence(self) -> str:
        """What was done, in words."""
        return f"undo of {self.edit.sentence}" if self.undone else self.edit.sentence

    @property
    def planes(self) -> tuple[PlaneId, ...]:
        return tuple(change.plane for change in self.edit.planes)

    @property
    def slides(self) -> frozenset[str]:
        """The slides of which a plane's labels or state changed."""
        return frozenset(change.plane.slide for change in self.edit.planes)

    @property
    def changes_recipe(self) -> bool:
        """Whether the clean-up or the threshold changed."""
        return self.edit.recipe is not None

    @property
    def reviewed(self) -> tuple[PlaneId, ...]:
        """The planes whose kept masks are out of date: they are reviewed, or were."""
        return tuple(
            change.plane
            for change in self.edit.planes
            if PlaneState.REVIEWED in (change.state_before, change.state_after)
        )

    def box_on(self, plane: PlaneId) -> Box:
        """The smallest box around all pixels of a plane whose labels changed; empty where none did."""
        change = self.edit.change_of(plane)
        return change.box if change is not None else Box(0, 0, 0, 0)
