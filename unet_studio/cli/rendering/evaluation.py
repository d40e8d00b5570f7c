"""What `evaluate`, `simulate`, `audit` and `hold-out` answer."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from rich.table import Table

from unet_studio.cli.rendering.exchange import pairing_content, pairing_text
from unet_studio.cli.rendering.text import Text, make_table, shown
from unet_studio.core.labels.plane import PlaneId, PlaneState
from unet_studio.core.wording import counted

if TYPE_CHECKING:
    from unet_studio.simulation.runs import Medians, Point, Run
    from unet_studio.usecases.evaluate import Evaluation


def evaluate_content(evaluation: "Evaluation") -> dict[str, Any]:
    """The scores of each slide that could be compared, and pooled over all."""
    from unet_studio.usecases.evaluate import pool

    scores = [(slide.slide, pool([slide])) for slide in evaluation.slides]
    pooled = evaluation.pooled
    return {
        "slides": [{"slide": slide, **asdict(own)} for slide, own in scores if own],
        "pooled": asdict(pooled) if pooled else None,
        "complete": evaluation.is_complete,
        "of": len(evaluation.pairing.pairs) + len(evaluation.pairing.clashes),
        **pairing_content(evaluation.pairing),
    }


def evaluate_text(evaluation: "Evaluation") -> Text:
    """What has no partner, and the content of `evaluate_content` as a table."""
    content = evaluate_content(evaluation)
    said: list[str | Table] = [*pairing_text(evaluation.pairing)]
    if not evaluation.is_complete:
        said.append(f"Stopped: {len(evaluation.slides)} of {counted(content['of'], 'slide')} compared.")
    if content["pooled"] is None:
        return [*said, "No slide could be compared."]
    rows = [[*slide.values()] for slide in content["slides"]]
    rows.append(["pooled", *content["pooled"].values()])
    return [*said, make_table("slide", "Dice", "IoU", "pixel accuracy", "V-Rand", rows=rows)]


def simulate_content(runs: Sequence["Run"], medians: Sequence["Medians"]) -> dict[str, Any]:
    """Each simulation, and their medians."""
    return {"runs": [asdict(run) for run in runs], "medians": [asdict(point) for point in medians]}


def simulate_text(runs: Sequence["Run"], medians: Sequence["Medians"]) -> Text:
    """What each simulation came to, and their medians where there are several."""
    parts: list[str | Table] = []
    for run in runs:
        rows = [_point_row(run, point) for point in run.points]
        judged = f"{counted(len(run.pool), 'slide')} to work on, {counted(len(run.test), 'slide')} to judge on"
        parts.append(f"Seed {run.seed}: {judged}; F1 with all fully labelled: {shown(run.ceiling)}.")
        parts.append(make_table(*_POINT, rows=rows))
    if len(runs) > 1:
        rows = [[f"{m.minutes:.1f}", m.f1, m.share] for m in medians]
        parts += [f"Medians of {len(runs)} seeds:", make_table("minutes of work", "F1", "share", rows=rows)]
    return parts


_POINT = (
    "minutes of work", "ready at", "planes", "strokes", "F1", "share", "false objects",
    "used", "new F1", "new false objects", "corrected right",
)  # fmt: skip


def _point_row(run: "Run", point: "Point") -> list[Any]:
    """What is in use after so much work, and the new model, which may be another."""
    row = [f"{point.minutes:.1f}", f"{point.ready:.1f}", point.planes, point.strokes, point.f1, run.share(point.f1)]
    new, used = point.model, "yes" if point.is_adopted else "no"
    of_new = ["", "", "", ""] if new is None else [used, new.f1, new.false_objects, new.corrected_right]
    return [*row, point.false_objects, *of_new]


def audit_content(
    slides: Sequence[str], audit: Collection[str], drawn: Collection[str], states: Mapping[PlaneId, PlaneState]
) -> dict[str, Any]:
    """The slides of the audit sample, those that were just drawn, and how far a person got with them."""
    chosen = [slide for slide in slides if slide in audit]
    reviewed = {plane.slide for plane, state in states.items() if state is PlaneState.REVIEWED}
    return {
        "slides": len(slides),
        "audit": [{"slide": slide, "reviewed": slide in reviewed, "drawn": slide in drawn} for slide in chosen],
    }


def audit_text(content: dict[str, Any]) -> Text:
    """The content of `audit_content` as a table."""
    audit = content["audit"]
    if not audit:
        return "No audit sample was drawn. Draw it with --draw 0, before you label."
    rows = [[one["slide"], "reviewed" if one["reviewed"] else "to be reviewed"] for one in audit]
    reviewed = sum(one["reviewed"] for one in audit)
    of_all = (
        f"{len(audit)} of {counted(content['slides'], 'slide')} are in the audit sample, {reviewed} of them reviewed."
    )
    return [make_table("slide", "state", rows=rows), of_all]


def hold_out_content(
    slides: Sequence[str],
    held: Collection[str],
    learned: Collection[str],
    states: Mapping[PlaneId, PlaneState],
    *,
    groups: str,
    said: str,
) -> dict[str, Any]:
    """The held-out slides, how far a person got with them, and what came of a change."""
    found = {slide: [state for plane, state in states.items() if plane.slide == slide] for slide in held}
    return {
        "slides": len(slides),
        "hold_out": [
            {
                "slide": slide, "reviewed": PlaneState.REVIEWED in found[slide], "labelled": bool(found[slide]),
                "learned": slide in learned,
            }
            for slide in slides if slide in held
        ],
        "groups": groups, "said": said,
    }  # fmt: skip


def hold_out_text(content: dict[str, Any]) -> Text:
    """The content of `hold_out_content` as a table, and sentences."""
    held = content["hold_out"]
    parts: list[str | Table] = [content["said"]] if content["said"] else []
    if not held:
        return [*parts, "No slide is held out; about one in five is at the first retraining.", content["groups"]]
    states = ["reviewed" if one["reviewed"] else "corrected" if one["labelled"] else "not labelled" for one in held]
    models = ["learned from it" if one["learned"] else "never saw it" for one in held]
    rows = [[one["slide"], state, seen] for one, state, seen in zip(held, states, models, strict=True)]
    parts.append(make_table("slide", "labels", "models", rows=rows))
    reviewed = sum(one["reviewed"] for one in held)
    parts.append(f"{len(held)} of {counted(content['slides'], 'slide')} are held out, {reviewed} of them reviewed.")
    if not reviewed:
        parts.append("Until one of them is reviewed as a whole no model can be judged.")
    return [*parts, content["groups"]]
