"""Trainings that were interrupted: the folder of each has a checkpoint, with which it goes on, and the card that it
began with.
"""

from pathlib import Path

from unet_studio.core.models.cards import ModelCard, project_models, read_card
from unet_studio.errors import ModelError

CHECKPOINT = "checkpoint.npz"


def unfinished_runs(runs: Path) -> list[Path]:
    """The folders in `runs` with a checkpoint, the one that went on last at the end."""
    return [file.parent for file in sorted(runs.glob(f"*/{CHECKPOINT}"), key=lambda file: file.stat().st_mtime_ns)]


def interrupted_training(place: Path) -> ModelCard | None:
    """The card, in its run's folder, of the training of the project at `place` that was interrupted last.

    None where none was, a later one has made a model since, or the card can't be read.
    """
    runs = unfinished_runs(place / "runs")
    if not runs or any(card.folder.name > runs[-1].name for card in project_models(place)):
        return None
    try:
        return read_card(runs[-1])
    except ModelError:
        return None


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
