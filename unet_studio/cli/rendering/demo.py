"""What `demo --headless` answers."""

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from unet_studio.cli.rendering.text import Text, make_table
from unet_studio.cli.rendering.training import judgement_content
from unet_studio.core.scoring.verdict_sentences import headline
from unet_studio.core.wording import counted

if TYPE_CHECKING:
    from unet_studio.demo.loop import DemoReport


def demo_content(report: "DemoReport") -> dict[str, Any]:
    """What the demo came to."""
    return {**asdict(report), "judgement": judgement_content(report.judgement)}


def demo_text(report: "DemoReport") -> Text:
    """What the demo came to."""
    rows = [
        ["slides nobody corrected", report.dice_before, report.dice_after],
        ["all slides with a true mask", report.all_dice_before, report.all_dice_after],
        ["hold-out of the retraining", report.judgement.dice_before, report.judgement.dice_after],
    ]
    times = ", ".join(f"{phase.lower()} {seconds:.0f} s" for phase, seconds in report.seconds.items())
    return [
        f"{counted(report.strokes, 'stroke')} on {counted(len(report.corrected), 'slide')}; "
        f"{headline(report.judgement)}",
        make_table("Dice of the proposals", "before", "after", rows=rows),
        f"Time: {times}.",
        f"Slides and project: {report.folder}",
        f"Masks and overlays: {report.exported}",
    ]
