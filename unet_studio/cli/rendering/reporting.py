"""What `report` and `repeat` answer."""

import math
from dataclasses import asdict
from typing import Any

from rich.table import Table

from unet_studio.cli.rendering.text import Text, make_table
from unet_studio.core.reporting.agreement import Agreement, SlideAgreement
from unet_studio.core.scoring.bootstrap import Interval
from unet_studio.core.wording import counted
from unet_studio.usecases.reporting.repeat import Dealt, Repeated
from unet_studio.usecases.reporting.report import Report


def report_content(report: Report) -> dict[str, Any]:
    """The figures of a report."""
    return {
        "stop": {"answer": str(report.stop.answer), "sentence": report.stop.sentence},
        "judged_on": report.judged_on, "agreement": agreement_content(report.agreement),
        "slides": [slide_content(one) for one in report.by_slide],
        "effort": [{**asdict(one), "begun": one.begun.isoformat()} for one in report.effort],
        "learning_curve": {**asdict(report.curve), "gain_of_doubling": report.curve.gain_of_doubling},
        "repeated": agreement_content(report.repeated.pooled) if report.repeated is not None else None,
        "labels": report.labels, "models": {one.card.id: one.fingerprint for one in report.models},
        "versions": dict(report.versions),
    }  # fmt: skip


def agreement_content(agreement: Agreement) -> dict[str, Any]:
    """Pooled figures with their intervals."""
    return asdict(agreement)


def slide_content(one: SlideAgreement) -> dict[str, Any]:
    """One slide's figures."""
    return {
        "slide": one.slide, **asdict(one.objects), "f1": one.objects.f1, "dice": one.pixels.mean_dice,
        "area_labelled": one.area_labelled, "area_found": one.area_found,
    }  # fmt: skip


def dealt_text(dealt: Dealt) -> str:
    """What was dealt, and what to do with it."""
    proposed = f"{dealt.proposed} with a proposal" if dealt.proposed else "without proposals"
    return (
        f"{counted(len(dealt.names), 'slide')} dealt, {proposed}. Label them: unet-studio '{dealt.folder}'. "
        "Then --compare."
    )


def repeat_text(repeated: Repeated) -> Text:
    """How well two labellings agree, for each slide and pooled."""
    waiting = f"{counted(len(repeated.waiting), 'slide')} to be reviewed again: {', '.join(repeated.waiting)}."
    if not repeated.slides:
        return f"Nothing to compare yet. {waiting}"
    rows = [
        [one.slide, one.pixels.mean_dice, one.objects.f1, one.objects.labelled, one.objects.found]
        for one in repeated.slides
    ]
    pooled = repeated.pooled
    parts: list[str | Table] = [
        make_table("slide", "Dice", "F1", "objects first", "objects again", rows=rows),
        f"Pooled: Dice {_with_interval(pooled.dice)}, F1 {_with_interval(pooled.f1)}, "
        f"objects {100 * pooled.count_bias.value:+.1f} %, area {100 * pooled.area_bias.value:+.1f} %.",
        repeated.basis,
    ]
    return [*parts, waiting] if repeated.waiting else parts


def _with_interval(interval: Interval) -> str:
    if math.isnan(interval.low):
        return f"{interval.value:.3f}"
    return f"{interval.value:.3f} ({interval.low:.3f} to {interval.high:.3f})"
