"""What `propose` and `clean` answer."""

from dataclasses import asdict
from typing import Any

from rich.table import Table

from unet_studio.cli.rendering.text import Text, make_table
from unet_studio.core.cleaning.steps import format_steps
from unet_studio.core.wording import counted
from unet_studio.protocol.values import Proposed
from unet_studio.usecases.cleaning.clean import Cleaned
from unet_studio.usecases.cleaning.tune import TunedWatershed


def propose_content(result: Proposed) -> dict[str, Any]:
    """How many planes were proposed, and by which model."""
    return {"model": result.model, "proposed": result.proposed, "skipped": result.skipped}


def propose_text(result: Proposed) -> str:
    """How many planes were proposed."""
    text = f"{counted(result.proposed, 'plane')} proposed with {result.model}"
    if result.skipped:
        text += f"; {result.skipped} had a proposal already (--overwrite proposes them again)"
    return text + "."


def clean_content(cleaned: Cleaned, tuned: TunedWatershed | None) -> dict[str, Any]:
    """The recipe, the area of each mask without and with it, and what was tried if it was tuned."""
    content = {"steps": format_steps(cleaned.steps), "slides": [asdict(area) for area in cleaned.areas]}
    return content if tuned is None else {"tuned": _tuned_content(tuned), **content}


def clean_text(cleaned: Cleaned, tuned: TunedWatershed | None) -> Text:
    """What the recipe changes, and what was tried if it was tuned."""
    if not cleaned.areas:
        return "The recipe is stored. Nothing is proposed yet, so there is nothing to see."
    rows = [[area.slide, area.before, area.after, _change(area.before, area.after)] for area in cleaned.areas]
    table = make_table("slide", "px before", "px after", "change", rows=rows)
    return table if tuned is None else [*_tuned_text(tuned), table]


def _tuned_content(tuned: TunedWatershed) -> dict[str, Any]:
    return {
        "planes": tuned.planes, "v_rand_before": tuned.v_rand_before, "v_rand": tuned.best.v_rand,
        "better": tuned.is_better, "best": format_steps([tuned.best.step]),
        "tried": [{"step": format_steps([trial.step]), "v_rand": trial.v_rand} for trial in tuned.trials],
    }  # fmt: skip


def _tuned_text(tuned: TunedWatershed) -> list[str | Table]:
    """The V-Rand of all that was tried: a row for each smoothing, a column for each height."""
    heights = sorted({trial.step.height for trial in tuned.trials})
    smoothings = sorted({trial.step.amount for trial in tuned.trials})
    v_rands = {(trial.step.amount, trial.step.height): trial.v_rand for trial in tuned.trials}
    rows = [[f"{one:g}", *(v_rands[one, height] for height in heights)] for one in smoothings]
    found = f"None is better than the {tuned.v_rand_before:.4f} of the recipe, which stays as it was."
    if tuned.is_better:
        best = format_steps([tuned.best.step])
        found = f"{best} is in the recipe now: {tuned.best.v_rand:.4f}, before {tuned.v_rand_before:.4f}."
    return [
        f"V-Rand on {counted(tuned.planes, 'labelled plane')}, by smoothing (rows) and height (columns):",
        make_table("", *(f"{height:g}" for height in heights), rows=rows),
        f"{found}\n",
    ]


def _change(before: int, after: int) -> str:
    return f"{100 * (after - before) / before:+.1f} %" if before else "–"
