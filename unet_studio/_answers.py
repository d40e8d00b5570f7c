"""What the commands answer: the same content as a sentence or table for a person, and as JSON for a script."""

from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.table import Table

from unet_studio._terminal import make_table, shown
from unet_studio.core.cleaning.clean_up import format_steps
from unet_studio.core.models.cards import ModelCard
from unet_studio.usecases.mask_areas import MaskArea

if TYPE_CHECKING:
    from unet_studio.datasets import DataSet
    from unet_studio.demo.loop import DemoReport
    from unet_studio.doctor import Report
    from unet_studio.simulation.runs import Medians, Run
    from unet_studio.usecases.evaluate import SlideScores
    from unet_studio.usecases.tune import TunedWatershed

Text = str | Table | Sequence[str | Table]


def counted(number: int, thing: str) -> str:
    """A number and its noun: '1 slide', '2 slides'."""
    return f"{number} {thing}{'' if number == 1 else 's'}"


def proposed(result: dict[str, Any]) -> str:
    """What `propose` did."""
    text = f"{counted(result['proposed'], 'plane')} proposed with {result['model']}"
    if result["skipped"]:
        text += f"; {result['skipped']} had a proposal already (--overwrite proposes them again)"
    return text + "."


def cleaned(areas: Sequence[MaskArea], tuned: "TunedWatershed | None" = None) -> Text:
    """What `clean` changes."""
    if not areas:
        return "The recipe is stored. Nothing is proposed yet, so there is nothing to see."
    rows = [[area.slide, area.before, area.after, _change(area.before, area.after)] for area in areas]
    table = make_table("slide", "px before", "px after", "change", rows=rows)
    return table if tuned is None else [*_tuned(tuned), table]


def tuned_content(tuned: "TunedWatershed | None") -> dict[str, Any]:
    """What `clean --tune` tried and found; nothing without it."""
    if tuned is None:
        return {}
    found = {
        "planes": tuned.planes, "v_rand_before": tuned.v_rand_before, "v_rand": tuned.best.v_rand,
        "better": tuned.is_better, "best": format_steps([tuned.best.step]),
        "tried": [{"step": format_steps([trial.step]), "v_rand": trial.v_rand} for trial in tuned.trials],
    }  # fmt: skip
    return {"tuned": found}


def _tuned(tuned: "TunedWatershed") -> list[str | Table]:
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


def retrained(content: dict[str, Any]) -> str:
    """What `retrain` came to."""
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


def card_content(card: ModelCard) -> dict[str, Any]:
    """What `models` says of a model."""
    return {
        "id": card.id, "title": card.title, "classes": [c.name for c in card.classes[1:]],
        "dice": card.scores.get("dice"), "judged_on": card.scores.get("judged_on", ""),
        "parent": card.parent, "created": card.created, "folder": card.folder,
    }  # fmt: skip


def models(cards: Sequence[ModelCard], active: str) -> Table:
    """The models to choose from; an asterisk marks the active one."""
    contents = [card_content(card) for card in cards]
    rows = [
        [f"{'*' if c['id'] == active else ' '} {c['id']}", ", ".join(c["classes"]), c["dice"], c["judged_on"]]
        for c in contents
    ]
    return make_table("  model", "classes", "Dice", "judged on", rows=rows)


def score_content(slides: Sequence["SlideScores"]) -> dict[str, Any]:
    """The scores of each slide that could be compared, and pooled over all."""
    from unet_studio.usecases.evaluate import pool

    scores = [(slide.slide, pool([slide])) for slide in slides]
    pooled = pool(slides)
    return {
        "slides": [{"slide": slide, **asdict(own)} for slide, own in scores if own],
        "pooled": asdict(pooled) if pooled else None,
    }


def score_table(content: dict[str, Any]) -> Text:
    """The content of `score_content` as a table."""
    if content["pooled"] is None:
        return "No slide could be compared."
    rows = [[*slide.values()] for slide in content["slides"]]
    return make_table(
        "slide", "Dice", "IoU", "pixel accuracy", "V-Rand", rows=[*rows, ["pooled", *content["pooled"].values()]]
    )


def simulated(runs: Sequence["Run"], medians: Sequence["Medians"]) -> Text:
    """What each simulation came to, and their medians."""
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


def doctor(report: "Report") -> Text:
    """What the doctor found, and what to do about it."""
    lines = [f"{name:24} {version}" for name, version in report.versions.items()]
    lines += [f"{'platform':24} {report.platform}", f"{'cores':24} {report.cores}"]
    if report.network:
        network = report.network
        lines += [f"{'device':24} {network.device} ({network.backend})", f"{'':24} {network.reason}"]
        if network.proposal_seconds is not None and network.step_seconds is not None:
            lines += [
                f"{'512 × 512 proposal':24} {network.proposal_seconds:.2f} s ({network.model})",
                f"{'training step':24} {network.step_seconds:.2f} s (recipe retrain)",
            ]
    if report.problem:
        lines.append(report.problem)
    if report.missing_packages:
        lines.append(
            "The window needs libraries that this computer lacks; on Debian and Ubuntu:\n"
            f"  sudo apt-get install {' '.join(report.missing_packages)}"
        )
    return "\n".join(lines)


def demo(report: "DemoReport") -> Text:
    """What the demo came to."""
    rows = [
        ["slides nobody corrected", report.dice_before, report.dice_after],
        ["all slides with a true mask", report.all_dice_before, report.all_dice_after],
        ["hold-out of the retraining", report.retrained["dice_before"], report.retrained["dice"]],
    ]
    times = ", ".join(f"{phase.lower()} {seconds:.0f} s" for phase, seconds in report.seconds.items())
    verdict = "proposes now" if report.retrained["preferred"] else "is no better and isn't used"
    return [
        f"{counted(report.strokes, 'stroke')} on {counted(len(report.corrected), 'slide')}; "
        f"{report.retrained['model']} {verdict}.",
        make_table("Dice of the proposals", "before", "after", rows=rows),
        f"Time: {times}.",
        f"Slides and project: {report.folder}",
        f"Masks and overlays: {report.exported}",
    ]


def data_sets(known: Sequence["DataSet"]) -> Sequence[str]:
    """The data sets that there are."""
    return [
        *(f"{one.name}: {one.title}\n  masks: {one.masks}\n  licence: {one.licence}\n  {one.origin}" for one in known),
        "'datasets get NAME --to DIR' downloads one.",
    ]


def data_set(one: "DataSet", home: Path) -> str:
    """What `datasets get` brought."""
    return f"{one.name} is in '{home}', slides and masks in '{home / one.pairs}'.\nMasks: {one.masks}. {one.licence}."


def _change(before: int, after: int) -> str:
    return f"{100 * (after - before) / before:+.1f} %" if before else "–"
