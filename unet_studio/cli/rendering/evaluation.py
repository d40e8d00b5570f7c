"""What `evaluate` and `simulate` answer."""

from collections.abc import Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from rich.table import Table

from unet_studio.cli.rendering.text import Text, counted, make_table, shown

if TYPE_CHECKING:
    from unet_studio.simulation.runs import Medians, Run
    from unet_studio.usecases.evaluate import Evaluation


def evaluate_content(evaluation: "Evaluation") -> dict[str, Any]:
    """The scores of each slide that could be compared, and pooled over all."""
    from unet_studio.usecases.evaluate import pool

    scores = [(slide.slide, pool([slide])) for slide in evaluation.slides]
    pooled = evaluation.pooled
    return {
        "slides": [{"slide": slide, **asdict(own)} for slide, own in scores if own],
        "pooled": asdict(pooled) if pooled else None,
    }


def evaluate_text(content: dict[str, Any]) -> Text:
    """The content of `evaluate_content` as a table."""
    if content["pooled"] is None:
        return "No slide could be compared."
    rows = [[*slide.values()] for slide in content["slides"]]
    return make_table(
        "slide", "Dice", "IoU", "pixel accuracy", "V-Rand", rows=[*rows, ["pooled", *content["pooled"].values()]]
    )


def simulate_content(runs: Sequence["Run"], medians: Sequence["Medians"]) -> dict[str, Any]:
    """Each simulation, and their medians."""
    return {"runs": [asdict(run) for run in runs], "medians": [asdict(point) for point in medians]}


def simulate_text(runs: Sequence["Run"], medians: Sequence["Medians"]) -> Text:
    """What each simulation came to, and their medians where there are several."""
    parts: list[str | Table] = []
    for run in runs:
        rows = [[f"{p.minutes:.1f}", f"{p.ready:.1f}", p.planes, p.strokes, p.f1, run.share(p.f1)] for p in run.points]
        judged = f"{counted(len(run.pool), 'slide')} to work on, {counted(len(run.test), 'slide')} to judge on"
        parts.append(f"Seed {run.seed}: {judged}; F1 with all fully labelled: {shown(run.ceiling)}.")
        parts.append(make_table("minutes of work", "ready at", "planes", "strokes", "F1", "share", rows=rows))
    if len(runs) > 1:
        rows = [[f"{m.minutes:.1f}", m.f1, m.share] for m in medians]
        parts += [f"Medians of {len(runs)} seeds:", make_table("minutes of work", "F1", "share", rows=rows)]
    return parts
