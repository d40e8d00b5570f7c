"""The report says what the numbers say, on the audit sample before the hold-out, in one file."""

import math
import re
from dataclasses import replace
from pathlib import Path

import pytest
from PySide6.QtGui import QGuiApplication

from tests.usecases.reporting.test_repeat import Truths, propose_mask
from tests.usecases.steps import record
from unet_studio.core.models.cards import ModelCard
from unet_studio.core.project.store import Project
from unet_studio.core.reporting.fingerprints import labels_fingerprint
from unet_studio.core.reporting.stopping import RULE, MayStop
from unet_studio.core.scoring.bootstrap import Interval
from unet_studio.usecases.reporting.repeat import compare_so_far, deal
from unet_studio.usecases.reporting.report import make_report
from unet_studio.usecases.reporting.report_html import methods, report_html


@pytest.fixture
def reviewed(project: Project, truths: Truths) -> Project:
    for slide, truth in truths.items():
        record(project, slide, truth)
        propose_mask(project, slide, truth)
    return project


def test_the_audit_sample_comes_before_the_hold_out_and_that_is_said(reviewed: Project) -> None:
    reviewed.add_hold_out(["a.png"])
    on_hold_out = make_report(reviewed)
    assert (on_hold_out.judged_on, on_hold_out.agreement.slides) == ("hold-out", 1)
    assert "There is no audit sample" in report_html(on_hold_out)
    reviewed.set_audit(["b.png", "sub/c.png"])
    on_audit = make_report(reviewed)
    assert (on_audit.judged_on, on_audit.agreement.slides) == ("audit sample", 2)
    assert on_audit.agreement.f1.value == on_audit.agreement.dice.value == 1
    assert "There is no audit sample" not in report_html(on_audit)


def test_false_objects_are_a_bias_of_counts_and_areas(reviewed: Project, truths: Truths) -> None:
    reviewed.set_audit(["a.png", "b.png"])
    for slide in ("a.png", "b.png"):
        mask = truths[slide].copy()
        mask[0:6, 0:6] = 1
        propose_mask(reviewed, slide, mask)
    report = make_report(reviewed)
    assert report.agreement.count_bias.value > 0
    assert report.agreement.area_bias.value > 0
    assert report.agreement.f1.value < 1
    assert report.by_active_model == 2


def test_it_says_what_a_second_labelling_began_with(reviewed: Project, truths: Truths) -> None:
    assert "No slide was labelled twice" in report_html(make_report(reviewed, repeated=compare_so_far(reviewed)))
    reviewed.set_setting("active_model", "")
    dealt = deal(reviewed, slides=2)
    with Project.open(dealt.folder) as fresh:
        for name in dealt.names:
            record(fresh, name, truths["a.png"])
    html = report_html(make_report(reviewed, repeated=compare_so_far(reviewed)))
    assert "2 slides labelled twice" in html
    assert "The second labelling was done without proposals." in html


def test_without_either_nothing_is_said_and_stopping_is_unknown(reviewed: Project) -> None:
    report = make_report(reviewed)
    assert report.judged_on == ""
    assert math.isnan(report.agreement.f1.value)
    assert report.stop.answer is MayStop.UNKNOWN
    assert "Draw an audit sample" in report_html(report)


def test_the_file_needs_nothing_from_outside_and_has_all_sections(reviewed: Project) -> None:
    reviewed.set_audit(["a.png", "b.png"])
    html = report_html(make_report(reviewed))
    assert not re.search(r"(src|href)=[\"'](?!data:)", html)
    for title in ("May I stop?", "Effort", "Repeatability", "Methods", "Fingerprints"):
        assert f"<h2>{title}" in html
    assert RULE.replace("'", "&#x27;") in html
    assert "data:image/png;base64," in html
    assert labels_fingerprint(reviewed) in html


def test_names_of_slides_are_no_markup(reviewed: Project, truths: Truths) -> None:
    (reviewed.folder / "a.png").rename(reviewed.folder / "a<b>.png")
    record(reviewed, "a<b>.png", truths["a.png"])
    html = report_html(make_report(reviewed))
    assert "a&lt;b&gt;.png" in html
    assert "<b>.png" not in html


def test_the_learning_curve_is_of_the_projects_models(reviewed: Project, bright: ModelCard) -> None:
    for number, (slides, dice) in enumerate(((2, 0.8), (4, 0.86), (8, 0.9)), 1):
        home = reviewed.place / "models" / f"retrained-{number:03d}"
        home.mkdir(parents=True)
        card = replace(
            bright, id=home.name, folder=home, created=f"2024-0{number}-01",
            data=f"{slides} slides, 10 labelled pixels",
            scores={"judged_on": "hold-out", "dice": dice},
        )  # fmt: skip
        card.write()
        (home / "model.keras").write_bytes(b"weights %d" % number)
    report = make_report(reviewed)
    assert [point.slides for point in report.curve.points] == [2, 4, 8]
    assert report.curve.gain_of_doubling > 0.01
    assert report.stop.answer is MayStop.NO
    html = report_html(report)
    assert "With 16 labelled slides" in html
    assert len({model.fingerprint for model in report.models}) == 3


def test_labels_have_the_fingerprint_that_models_name(reviewed: Project) -> None:
    from unet_studio.unet.training.snapshot import read_snapshot

    assert labels_fingerprint(reviewed) == read_snapshot(reviewed).fingerprint()
    reviewed.set_audit(["a.png"])
    assert labels_fingerprint(reviewed, without=["a.png"]) == read_snapshot(reviewed).fingerprint()


def test_the_methods_are_filled_in(reviewed: Project) -> None:
    reviewed.set_audit(["a.png", "b.png"])
    text = methods(make_report(reviewed))
    assert "segmented into spot" in text
    assert "On 2 reviewed slides that were drawn at random" in text
    assert "(95 % intervals, bootstrap over slides)" in text


def test_of_one_slide_no_interval_is_claimed(reviewed: Project) -> None:
    reviewed.add_hold_out(["a.png"])
    text = methods(make_report(reviewed))
    assert "1 slide was held out of training" in text
    assert "On 1 reviewed slide that was held out, objects" in text
    assert "95 %" not in text


def test_no_bias_is_below_minus_all(reviewed: Project) -> None:
    reviewed.set_audit(["a.png", "b.png"])
    report = make_report(reviewed)
    agreement = replace(report.agreement, count_bias=Interval(-0.4, -2.5, 1.7))
    assert "−100.0 % to +170.0 %" in report_html(replace(report, agreement=agreement))


@pytest.mark.parametrize(("seconds", "says"), [(26.0, "in 26 s of work, 13 s a slide"), (600.0, "in 10 minutes of")])
def test_little_work_is_said_in_seconds(reviewed: Project, seconds: float, says: str) -> None:
    report = make_report(reviewed)
    effort = tuple(replace(one, seconds=seconds / 2) for one in report.effort[:2])
    assert says in report_html(replace(report, effort=effort))


def test_it_prints_to_pages(reviewed: Project, tmp_path: Path, qapp: QGuiApplication) -> None:
    from unet_studio.gui.printing import write_pdf

    reviewed.set_audit(["a.png", "b.png"])
    file = tmp_path / "out" / "report.pdf"
    write_pdf(report_html(make_report(reviewed)), file)
    assert file.read_bytes().startswith(b"%PDF")
    assert file.stat().st_size > 10_000
