"""What `retrain` says of each round, and what it answers."""

from collections.abc import Iterable
from dataclasses import asdict
from typing import Any

from unet_studio.cli.rendering.text import shown
from unet_studio.core.scoring.judgement import Judgement
from unet_studio.core.scoring.verdict_sentences import details, headline
from unet_studio.core.wording import counted
from unet_studio.protocol.values import Retrained, Round


def round_text(done: Round) -> str:
    """How far a training is; round 0 is before it."""
    if done.round == 0:
        return f"Before: Dice {shown(done.dice)}"
    kept = " (kept so far)" if done.kept else ""
    return f"Round {done.round} of {done.rounds}: loss {done.loss:.4f}, Dice {shown(done.dice)}{kept}"


def judgement_content(judgement: Judgement) -> dict[str, Any]:
    """What is said of a new model, with every figure behind it."""
    said = {"adopted": judgement.is_adopted, "sentences": [headline(judgement), *details(judgement)]}
    return {**figures_content(judgement), **said}


def figures_content(judgement: Judgement) -> dict[str, Any]:
    """The verdict on a model, and every figure behind it."""
    difference = judgement.difference
    return {
        "model": judgement.model, "verdict": judgement.verdict,
        "compared_with": judgement.rival, "dice_before": judgement.dice_before, "dice": judgement.dice_after,
        "difference": {
            "value": difference.value, "low": difference.low, "high": difference.high,
            "over": "tiles" if judgement.over_tiles else "slides", "units": judgement.units,
        },
        "held_out_pixels": judgement.pixels, "proposed_pixels": judgement.proposed, "missing": judgement.missing,
        "strokes": asdict(judgement.learned_strokes), "whole_planes": asdict(judgement.learned_whole),
        "held_out_strokes": asdict(judgement.unseen_strokes),
        "changes": [asdict(change) for change in judgement.changes],
    }  # fmt: skip


def retrain_content(
    retrained: Retrained, judgement: Judgement, *, active_model: str, hold_out: Iterable[str], seconds: float
) -> dict[str, Any]:
    """A new model, what is said of it, and which one is active now."""
    return {
        **judgement_content(judgement), "parent": retrained.parent, "rounds": retrained.rounds,
        "active_model": active_model, "hold_out": sorted(hold_out), "seconds": round(seconds, 1),
    }  # fmt: skip


def retrain_text(content: dict[str, Any]) -> list[str]:
    """The content of `retrain_content` in sentences."""
    what = f"Retrained {content['parent']}" if content["parent"] else "Trained from scratch"
    lines = [f"{what} for {counted(content['rounds'], 'round')} in {content['seconds']:.0f} s: {content['model']}."]
    lines += content["sentences"]
    if content["adopted"]:
        lines.append("'propose' brings its proposals.")
    else:
        active, model = content["active_model"] or "no model", content["model"]
        lines.append(
            f"Active: {active}; 'models FOLDER use {model}' changes that, and 'retrain FOLDER --model {model}' trains "
            "the new one longer."
        )
    return lines


def bundle_text(bundle: dict[str, Any]) -> str:
    """Whether a training from a bundle came to the same scores."""
    if bundle["dice"] is None or bundle["dice_now"] is None:
        return f"Trained again as '{bundle['model']}' was, but without a score that could be compared."
    same = "the same within 0.5 points" if bundle["reproduced"] else "not the same within 0.5 points"
    return f"Trained again: Dice {bundle['dice_now']:.4f}, and {bundle['dice']:.4f} in the bundle; {same}."
