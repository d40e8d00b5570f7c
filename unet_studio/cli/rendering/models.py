"""What `models` answers."""

from collections.abc import Sequence
from typing import Any

from rich.table import Table

from unet_studio.cli.rendering.text import make_table
from unet_studio.cli.rendering.training import figures_content
from unet_studio.core.models.cards import ModelCard
from unet_studio.core.models.notes import read_note
from unet_studio.core.scoring.judgement import Judgement, TooClose
from unet_studio.protocol.values import Compared
from unet_studio.usecases.remove_model import RemovedModel

_RULES = {
    TooClose.IF_KEPT: "the new one is used if corrections are kept and nothing else changes much",
    TooClose.ALWAYS: "the new one is used",
    TooClose.NEVER: "the old one stays in use",
}


def models_content(cards: Sequence[ModelCard], active: str, rule: TooClose) -> dict[str, Any]:
    """The models to choose from, the id of the active one, and the rule for what is too close to call."""
    return {"active_model": active, "too_close": rule, "models": [_card_content(card) for card in cards]}


def models_text(cards: Sequence[ModelCard], active: str, rule: TooClose) -> list[str | Table]:
    """The models to choose from, an asterisk at the active one; below it the rule."""
    rows = [
        [
            f"{'*' if card.id == active else ' '} {card.id}", card.date, card.parent,
            ", ".join(c.name for c in card.classes[1:]), card.learned_from, card.scores.get("dice", "–"),
            card.scores.get("judged_on", ""), read_note(card),
        ]
        for card in cards
    ]  # fmt: skip
    table = make_table("  model", "date", "parent", "classes", "data", "Dice", "judged on", "note", rows=rows)
    for column in table.columns[1:]:
        if column.header != "Dice":
            column.justify = "left"
    for column in table.columns[:3]:
        column.no_wrap = True  # an id that is cut in two can't be copied
    return [table, f"When old and new are too close to call, {_RULES[rule]}."]


def compared_content(compared: Compared, judgement: Judgement, sentences: Sequence[str]) -> dict[str, Any]:
    """What is said of the second of two models beside the first, with every figure behind it."""
    of_slides = {"left_out": compared.left_out, "learned_unknown": compared.unknown}
    return {**figures_content(judgement), **of_slides, "sentences": sentences}


def removed_content(removed: RemovedModel, active: str) -> dict[str, Any]:
    return {"removed": removed.model, "began_with_it": removed.began_with_it, "active_model": active}


def removed_text(removed: RemovedModel) -> str:
    """What was removed, and what of it stays elsewhere."""
    text = f"{removed.model} was removed, with its proposals; labels and masks stay as they are."
    if removed.began_with_it:
        one = len(removed.began_with_it) == 1
        text += f" {', '.join(removed.began_with_it)} began with it; its weights stay in {'that' if one else 'those'}."
    return text


def _card_content(card: ModelCard) -> dict[str, Any]:
    return {
        "id": card.id, "title": card.title, "classes": [c.name for c in card.classes[1:]],
        "dice": card.scores.get("dice"), "judged_on": card.scores.get("judged_on", ""),
        "parent": card.parent, "created": card.created, "data": card.data, "note": read_note(card),
        "folder": card.folder,
    }  # fmt: skip
