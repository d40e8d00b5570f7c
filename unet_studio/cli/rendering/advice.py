"""What `advise` answers."""

from dataclasses import asdict
from typing import Any

from rich.table import Table

from unet_studio.cli.rendering.text import Text, make_table
from unet_studio.core.cleaning.steps import format_steps
from unet_studio.core.labels.edits import MaskRecipe
from unet_studio.usecases.cleaning.advice_sentences import headline, objects_text, recipe_text
from unet_studio.usecases.cleaning.advise import Advice
from unet_studio.usecases.cleaning.recipe_search import Quality


def advice_content(advice: Advice, *, is_used: bool) -> dict[str, Any]:
    """The recipe in use and the advised one, and how near the labels they come."""
    return {
        "better": advice.is_better, "used": is_used, "planes": advice.planes, "slides": advice.slides,
        "tried": advice.tried, "now": _recipe(advice.now), "advised": _recipe(advice.recipe),
        "before": _quality(advice.before), "left_out": _quality(advice.left_out),
        "chosen_on": _quality(advice.chosen_on),
    }  # fmt: skip


def advice_text(advice: Advice, *, is_used: bool) -> Text:
    """What was found, as a sentence and a table."""
    before, after = advice.before, advice.left_out
    rows: list[list[object]] = [["now", before.dice, objects_text(before)]]
    rows.append(["chosen without the slide", after.dice, objects_text(after)])
    parts: list[str | Table] = [headline(advice), make_table("clean-up", "Dice", "objects right", rows=rows)]
    if not advice.is_better:
        return parts
    is_in_use = "is in use now" if is_used else "is advised; --use takes it"
    return [*parts, f"{recipe_text(advice.recipe)} {is_in_use}. Before: {recipe_text(advice.now)}."]


def _recipe(recipe: MaskRecipe) -> dict[str, Any]:
    return {"threshold": recipe.threshold, "steps": format_steps(recipe.steps)}


def _quality(quality: Quality) -> dict[str, Any]:
    return {"dice": quality.dice, "f1": quality.objects.f1, **asdict(quality.objects)}
