"""Trainings that were interrupted: the folder of each has a checkpoint, with which it goes on, and the card that it
began with.
"""

from pathlib import Path

from unet_studio.core.models.cards import ModelCard, read_card
from unet_studio.errors import ModelError

CHECKPOINT = "checkpoint.npz"


def unfinished_runs(runs: Path) -> list[Path]:
    """The folders in `runs` with a checkpoint, the one that went on last at the end."""
    return [file.parent for file in sorted(runs.glob(f"*/{CHECKPOINT}"), key=lambda file: file.stat().st_mtime_ns)]


def remove_checkpoint(run: Path) -> None:
    """The training in the folder `run` is finished, or given up."""
    (run / CHECKPOINT).unlink(missing_ok=True)


def _has_teacher(card: ModelCard) -> bool:
    loss = card.recipe.get("loss")
    return isinstance(loss, dict) and bool(loss.get("teacher"))


def trainings_that_need(model: str, place: Path) -> list[ModelCard]:
    """The interrupted trainings of the project at `place` that can't go on without a model, by its id: their cards lie
    in their runs' folders.

    They began with it, and their recipe has it teach what nobody labelled; the others have all they need.
    """
    found = []
    for run in unfinished_runs(place / "runs"):
        try:
            card = read_card(run)
        except ModelError:
            continue  # without it the training can't go on anyway
        if card.parent == model and _has_teacher(card):
            found.append(card)
    return found
