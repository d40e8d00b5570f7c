"""What `retrain` says of each round, and what `retrain` and `models` answer."""

from collections.abc import Sequence
from typing import Any

from rich.table import Table

from unet_studio.cli.rendering.text import counted, make_table
from unet_studio.core.models.cards import ModelCard


def round_text(*, round: int, rounds: int, loss: float, dice: float, best: bool, **_: Any) -> str:  # noqa: A002
    """How far a training is, from what its event 'round' tells; round 0 is before it."""
    if round == 0:
        return f"Before: Dice {dice:.4f}"
    return f"Round {round} of {rounds}: loss {loss:.4f}, Dice {dice:.4f}{' (kept so far)' if best else ''}"


def retrain_text(content: dict[str, Any]) -> str:
    """How the new model compares, and which one is active now."""
    model, parent, active = content["model"], content["parent"], content["active_model"]
    what = f"Retrained {parent}" if parent else "Trained from scratch"
    where = f"hold-out ({counted(len(content['hold_out']), 'slide')})" if content["compared"] else "training slides"
    text = (
        f"{what} for {counted(content['rounds'], 'round')} in {content['seconds']:.0f} s. "
        f"Dice on the {where}: {content['dice_before']:.4f} before, {content['dice']:.4f} after.\n"
    )
    if active == model:
        if content["compared"] and content["dice"] <= content["dice_before"]:
            text += "It learned from more; too few slides are held out to say which is better.\n"
        return f"{text}{model} is the active model now; 'propose' brings its proposals."
    if parent:
        return f"{text}{model} is no better, so {active} stays active."
    if not active:
        return f"{text}{model} is no better than a network that learned nothing, so it isn't used. Label more."
    return (
        f"{text}{model} was not compared with {active}, which stays active; 'models FOLDER use {model}' changes that."
    )


def models_content(cards: Sequence[ModelCard], active: str) -> dict[str, Any]:
    """The models to choose from, and the id of the active one."""
    return {"active_model": active, "models": [_card_content(card) for card in cards]}


def models_text(cards: Sequence[ModelCard], active: str) -> Table:
    """The models to choose from; an asterisk marks the active one."""
    contents = [_card_content(card) for card in cards]
    rows = [
        [f"{'*' if c['id'] == active else ' '} {c['id']}", ", ".join(c["classes"]), c["dice"], c["judged_on"]]
        for c in contents
    ]
    return make_table("  model", "classes", "Dice", "judged on", rows=rows)


def _card_content(card: ModelCard) -> dict[str, Any]:
    return {
        "id": card.id, "title": card.title, "classes": [c.name for c in card.classes[1:]],
        "dice": card.scores.get("dice"), "judged_on": card.scores.get("judged_on", ""),
        "parent": card.parent, "created": card.created, "folder": card.folder,
    }  # fmt: skip
