"""What `retrain` says of each round, and what `retrain` and `models` answer."""

from collections.abc import Callable, Iterable, Sequence
from typing import Any

from rich.table import Table

from unet_studio.cli.rendering.text import counted, make_table
from unet_studio.core.models.cards import ModelCard
from unet_studio.core.scoring.gate import Verdict
from unet_studio.protocol.values import Retrained, Round


def round_text(done: Round) -> str:
    """How far a training is; round 0 is before it."""
    if done.round == 0:
        return f"Before: Dice {done.dice:.4f}"
    kept = " (kept so far)" if done.kept else ""
    return f"Round {done.round} of {done.rounds}: loss {done.loss:.4f}, Dice {done.dice:.4f}{kept}"


def retrained_content(retrained: Retrained) -> dict[str, Any]:
    """A new model and how it compares with what its training began with."""
    return {
        "model": retrained.model, "dice": retrained.dice, "dice_before": retrained.dice_before,
        "compared": retrained.held_out > 0, "preferred": retrained.kept.round > 0, "rounds": retrained.rounds,
    }  # fmt: skip


def retrain_content(
    retrained: Retrained, verdict: Verdict, *, active_model: str, hold_out: Iterable[str], seconds: float
) -> dict[str, Any]:
    """A new model, how it compares, and which one is active now."""
    return {
        **retrained_content(retrained), "verdict": verdict, "parent": retrained.parent, "active_model": active_model,
        "hold_out": sorted(hold_out), "seconds": round(seconds, 1),
    }  # fmt: skip


def retrain_text(content: dict[str, Any]) -> str:
    """The content of `retrain_content` in sentences."""
    model, parent, active = content["model"], content["parent"], content["active_model"]
    what = f"Retrained {parent}" if parent else "Trained from scratch"
    where = f"hold-out ({counted(len(content['hold_out']), 'slide')})" if content["compared"] else "training slides"
    text = (
        f"{what} for {counted(content['rounds'], 'round')} in {content['seconds']:.0f} s. "
        f"Dice on the {where}: {content['dice_before']:.4f} before, {content['dice']:.4f} after.\n"
    )
    return text + _VERDICTS[content["verdict"]](model, active)


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


def _adopted(model: str, _: str) -> str:
    return f"{model} is the active model now; 'propose' brings its proposals."


def _no_better(model: str, active: str) -> str:
    if not active:
        return f"{model} is no better than a network that learned nothing, so it isn't used. Label more."
    return f"{model} is no better, so {active} stays active."


_VERDICTS: dict[Verdict, Callable[[str, str], str]] = {
    Verdict.BETTER: _adopted,
    Verdict.ABOUT_AS_GOOD: lambda model, active: (
        f"It learned from more; too few slides are held out to say which is better.\n{_adopted(model, active)}"
    ),
    Verdict.NOT_COMPARED: _adopted,
    Verdict.NO_BETTER: _no_better,
    Verdict.OTHER_START: lambda model, active: (
        f"{model} was not compared with {active}, which stays active; 'models FOLDER use {model}' changes that."
    ),
    Verdict.OTHER_CLASSES: lambda model, _: (
        f"The project's classes are no longer those that {model} learned, so it isn't used. Retrain again."
    ),
    Verdict.NOT_USABLE: lambda model, active: f"{model} can't be used, so {active or 'no model'} is active.",
}
"""What becomes of a new model with this id beside the active one, by the verdict on it."""
