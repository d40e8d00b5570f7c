"""The report as one HTML file: tables, charts as pictures within it, and a methods paragraph; nothing from outside.

It keeps to what Qt's rich text understands, too, from which the PDF is made.
"""

import base64
import io
import math
from collections.abc import Sequence
from datetime import datetime
from html import escape
from itertools import accumulate

import numpy as np
from PIL import Image

from unet_studio.core.figures.charts import Series, line_chart
from unet_studio.core.reporting.agreement import Agreement
from unet_studio.core.reporting.effort import PAUSE_SECONDS
from unet_studio.core.reporting.learning_curve import LEAST_POINTS
from unet_studio.core.reporting.stopping import RULE
from unet_studio.core.scoring.bootstrap import Interval
from unet_studio.core.wording import counted, name_all
from unet_studio.usecases.reporting.report import AUDIT, Report

_STYLE = """
body { font-family: sans-serif; font-size: 11pt; color: #1e1e1e; }
h1 { font-size: 20pt; } h2 { font-size: 14pt; margin-top: 24px; margin-bottom: 8px; }
table { margin-top: 8px; margin-bottom: 8px; }
th { text-align: left; border-bottom: 1px solid #999999; padding: 3px 14px 3px 0; }
td { padding: 3px 14px 3px 0; } .number { text-align: right; }
.answer { background-color: #eef3fa; } .small { color: #555555; font-size: 9pt; }
@media screen { body { max-width: 46em; margin: 2em auto; padding: 0 1em; } }
@media print { body { font-size: 10pt; } h2 { break-after: avoid; } img, tr { break-inside: avoid; } }
"""
_MOST_ROWS = 60
_CHART = (620, 280)


def report_html(report: Report) -> str:
    """The whole file."""
    parts = [
        f"<h1>Report of {escape(report.folder)}</h1>",
        _paragraph(f"Made by U-Net Studio on {datetime.fromisoformat(report.made):%Y-%m-%d at %H:%M} UTC. "
                   f"{counted(report.slides, 'slide')}, {report.reviewed} of them reviewed, {report.corrected} more "
                   f"corrected. Classes: {', '.join(report.classes)}."),
        "<h2>May I stop?</h2>",
        f'<table class="answer" width="100%" bgcolor="#eef3fa" cellpadding="8"><tr><td><b>'
        f"{escape(report.stop.sentence)}</b></td></tr></table>",
        _paragraph(RULE, small=True),
        "<h2>How good the proposals are</h2>", *_agreement(report),
        "<h2>What more labelling would buy</h2>", *_curve(report),
        "<h2>Effort</h2>", *_effort(report),
        "<h2>Repeatability</h2>", *_repeated(report),
        "<h2>Methods</h2>", _paragraph(methods(report)),
        "<h2>Fingerprints and versions</h2>", *_fingerprints(report),
    ]  # fmt: skip
    title = escape(f"Report of {report.folder}")
    return (
        f'<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8"><title>{title}</title>'
        f"<style>{_STYLE}</style></head><body>\n" + "\n".join(parts) + "\n</body></html>\n"
    )


def methods(report: Report) -> str:
    """A paragraph for a methods section, filled in."""
    active = next((model for model in report.models if model.is_active), None)
    versions = dict(report.versions)
    program = f"U-Net Studio {versions.get('unet-studio', '')}".strip()
    said = [f"Slides were segmented into {name_all(report.classes)} with {program}."]
    if active is not None:
        card = active.card
        learned = f", which learned from {card.learned_from}," if card.learned_from else ""
        said.append(
            f"A U-Net ('{card.id}', weights {active.fingerprint}){learned} proposed masks"
            + (f", retrained from '{card.parent}'." if card.parent else ".")
        )
    said.append(
        f"Proposals were thresholded at {report.threshold:g} and "
        + (f"cleaned up by {report.steps}; " if report.steps else "not cleaned up further; ")
        + f"a person corrected and reviewed {report.reviewed} of {report.slides} slides."
    )
    if report.hold_out:
        were = "was" if report.hold_out == 1 else "were"
        said.append(f"{counted(report.hold_out, 'slide')} {were} held out of training to compare models.")
    if report.judged_on:
        chosen = "drawn at random before labelling and kept apart" if report.judged_on == AUDIT else "held out"
        slides = report.agreement.slides
        one, intervals = slides == 1, "" if slides == 1 else " (95 % intervals, bootstrap over slides)"
        said.append(
            f"On {counted(slides, 'reviewed slide')} that {'was' if one else 'were'} {chosen}, objects matched at an "
            f"intersection over union of 0.5 or more gave an F1 of {_interval(report.agreement.f1)}, and the Dice "
            f"coefficient was {_interval(report.agreement.dice)}{intervals}."
        )
    said.append(f"The labels have the fingerprint {report.labels}.")
    return " ".join(said)


def _agreement(report: Report) -> list[str]:
    agreement = report.agreement
    if not report.judged_on:
        return [_paragraph("No slide of the audit sample or the hold-out is reviewed and has a proposal, so this can't "
                           "be said. Draw an audit sample before you label, and review it.")]  # fmt: skip
    basis = f"Judged on {counted(agreement.slides, 'reviewed slide')} of the {report.judged_on}."
    if report.judged_on != AUDIT:
        basis += (" There is no audit sample that is reviewed and proposed. The hold-out was used to choose among "
                  "models, so these figures may flatter the model.")  # fmt: skip
    if report.by_active_model < agreement.slides:
        basis += (f" On {agreement.slides - report.by_active_model} of them the proposals of an earlier model are "
                  "judged, since the active one hasn't proposed them.")  # fmt: skip
    rows = [[one.slide, str(one.objects.labelled), str(one.objects.found), str(one.objects.right),
             _figure(one.objects.f1), _figure(one.pixels.mean_dice)] for one in report.by_slide]  # fmt: skip
    return [
        _paragraph(basis), _agreement_table(agreement),
        _paragraph("A bias is how many more objects, or how much more area, was proposed than labelled. "
                   + _no_interval(agreement), small=True),
        _table(("slide", "labelled objects", "proposed", "right", "F1", "Dice"), rows),
    ]  # fmt: skip


def _agreement_table(agreement: Agreement) -> str:
    figures = (
        ("F1 of objects (IoU ≥ 0.5)", _figure(agreement.f1.value), _range(agreement.f1)),
        ("Dice of pixels", _figure(agreement.dice.value), _range(agreement.dice)),
        ("bias of the count", _percent(agreement.count_bias.value), _percent_range(agreement.count_bias)),
        ("bias of the area", _percent(agreement.area_bias.value), _percent_range(agreement.area_bias)),
    )
    return _table(("", "value", "95 % interval"), [list(row) for row in figures])


def _no_interval(agreement: Agreement) -> str:
    return "" if agreement.slides > 1 else "One slide gives no interval."


def _curve(report: Report) -> list[str]:
    curve = report.curve
    if not curve.points:
        return [_paragraph("No model of this project was judged on a hold-out yet.")]
    rows = [[one.model, str(one.slides), _figure(one.dice)] for one in curve.points]
    table = _table(("model", "labelled slides", "Dice on the hold-out"), rows)
    if not curve.is_fitted:
        return [table, _paragraph(f"A curve takes models that learned from {LEAST_POINTS} different numbers of slides; "
                                  "there are fewer, so nothing is predicted.")]  # fmt: skip
    last = curve.points[-1].slides
    grid = np.linspace(curve.points[0].slides, 2 * last, 40)
    series = [
        Series("models", tuple((float(one.slides), one.dice) for one in curve.points)),
        Series("fit", tuple((float(x), curve.dice(float(x))) for x in grid), dots=False),
    ]
    return [
        _chart(series, "labelled slides", "Dice", "Dice by labelled slides"),
        table,
        _paragraph(
            f"Fitted: error = {curve.factor:.3f} × slides ^ −{curve.exponent:.3f}. With {2 * last} labelled slides, "
            f"twice as many as the last model had, a Dice of {curve.dice(2 * last):.3f} is expected, a gain of "
            f"{curve.gain_of_doubling:.3f}. The hold-out may have changed between models, so this is a rough guide."
        ),
    ]  # fmt: skip


def _effort(report: Report) -> list[str]:
    effort = report.effort
    if not effort:
        return [_paragraph("Nothing was edited yet.")]
    seconds, edits = sum(one.seconds for one in effort), sum(one.edits for one in effort)
    said = (f"{counted(edits, 'edit')} on {counted(len(effort), 'slide')} in {_duration(seconds)} of work, "
            f"{_duration(seconds / len(effort))} a slide. Times without an edit for more than {PAUSE_SECONDS:.0f} s "
            "are pauses and left out, so this is the least.")  # fmt: skip
    parts = [_paragraph(said)]
    if len(effort) > 1:
        points = tuple((float(number), one.seconds) for number, one in enumerate(effort, 1))
        mean = [total / number for number, total in enumerate(accumulate(one.seconds for one in effort), 1)]
        series = [Series("slide", points), Series("mean so far", tuple((float(n), v) for n, v in enumerate(mean, 1)))]
        parts.append(_chart(series, "slides in the order of work", "seconds",
                            "Seconds of work by slide, in the order of work"))  # fmt: skip
    rows = [[one.slide, f"{one.begun:%Y-%m-%d %H:%M}", str(one.edits), f"{one.seconds:.0f}"] for one in effort]
    parts.append(_table(("slide", "begun (UTC)", "edits", "seconds"), rows))
    return parts


def _repeated(report: Report) -> list[str]:
    if report.repeated is None:
        return [_paragraph("No slide was labelled twice. 'unet-studio repeat FOLDER' deals some again, blinded.")]
    text = f"{counted(len(report.repeated.slides), 'slide')} labelled twice, the second time against the first:"
    return [_paragraph(text), _agreement_table(report.repeated.pooled), _paragraph(report.repeated.basis)]


def _fingerprints(report: Report) -> list[str]:
    models = [
        [one.card.id + (" (in use)" if one.is_active else ""), one.card.date, one.card.parent or "–", one.fingerprint]
        for one in report.models
    ]
    versions = ", ".join(f"{name} {version}" for name, version in report.versions)
    return [
        _paragraph(f"Labels: {report.labels}. Of each model, the fingerprint of its weights:"),
        _table(("model", "date", "parent", "weights"), models),
        _paragraph(versions, small=True),
    ]


def _paragraph(text: str, *, small: bool = False) -> str:
    return f'<p class="small">{escape(text)}</p>' if small else f"<p>{escape(text)}</p>"


def _table(titles: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """The first column is text and the others are numbers; of many rows the first ones."""
    head = "".join(_cell("th", text, index) for index, text in enumerate(titles))
    body = "".join(
        f"<tr>{''.join(_cell('td', text, index) for index, text in enumerate(row))}</tr>" for row in rows[:_MOST_ROWS]
    )
    more = f"<p>… and {len(rows) - _MOST_ROWS} more.</p>" if len(rows) > _MOST_ROWS else ""
    return f"<table cellspacing='0' cellpadding='3'><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>{more}"


def _cell(tag: str, text: str, index: int) -> str:
    side = ' class="number" align="right"' if index else ""
    return f"<{tag}{side}>{escape(text)}</{tag}>"


def _chart(series: Sequence[Series], x_title: str, y_title: str, text: str) -> str:
    """A picture of lines as wide as the text, sharp on paper, too; `text` is for those who can't see it."""
    width, height = _CHART
    pixels = line_chart(series, title="", x_title=x_title, y_title=y_title, width=width, height=height, scale=3)
    data = io.BytesIO()
    Image.fromarray(pixels).quantize(64).save(data, "PNG", optimize=True)
    encoded = base64.b64encode(data.getvalue()).decode()
    return f'<p><img src="data:image/png;base64,{encoded}" alt="{escape(text)}" width="{width}" height="{height}"></p>'


def _duration(seconds: float) -> str:
    return f"{seconds:.0f} s" if seconds < 90 else f"{seconds / 60:.0f} minutes"


def _figure(value: float) -> str:
    return "–" if math.isnan(value) else f"{value:.3f}"


def _percent(value: float) -> str:
    return "–" if math.isnan(value) else f"{100 * value:+.1f} %".replace("-", "−")


def _range(interval: Interval) -> str:
    if math.isnan(interval.low):
        return "–"
    return f"{max(0.0, interval.low):.3f} to {min(1.0, interval.high):.3f}"


def _percent_range(interval: Interval) -> str:
    """None can be missing more than all."""
    return "–" if math.isnan(interval.low) else f"{_percent(max(-1.0, interval.low))} to {_percent(interval.high)}"


def _interval(interval: Interval) -> str:
    return _figure(interval.value) + ("" if math.isnan(interval.low) else f" ({_range(interval)})")
