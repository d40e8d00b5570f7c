"""The command `report`: what a project comes to, in one file."""

from pathlib import Path
from typing import Annotated

import typer

from unet_studio.cli.options import Folder, Json, Place
from unet_studio.cli.project import open_project
from unet_studio.cli.rendering.reporting import report_content
from unet_studio.cli.terminal import TerminalReporter, answer, fail_if
from unet_studio.core.files import write_atomically
from unet_studio.usecases.reporting.repeat import compare_so_far
from unet_studio.usecases.reporting.report import make_report


def report(
    folder: Folder,
    out: Annotated[Path, typer.Option(metavar="FILE", help="An .html file, or a .pdf.", show_default=False)],
    project: Place = None,
    as_json: Json = False,
) -> None:
    """Write a report: effort, F1 and bias with intervals, learning curve, repeatability, methods, "may I stop?".

    The figures are of the audit sample, or where none of it is reviewed of the hold-out.
    """
    if out.suffix.lower() not in (".html", ".htm", ".pdf"):
        raise typer.BadParameter("name a file that ends in .html or .pdf.", param_hint="--out")
    with open_project(folder, project, write=False) as opened, TerminalReporter("Reporting") as reporter:
        made = make_report(opened, repeated=compare_so_far(opened, progress=reporter), progress=reporter)
    from unet_studio.usecases.reporting.report_html import report_html

    html = report_html(made)
    if out.suffix.lower() == ".pdf":
        from unet_studio.gui.printing import write_pdf

        write_pdf(html, out.resolve())
    else:
        write_atomically(out.resolve(), html.encode())
    content = {"out": str(out), **report_content(made), "failed": reporter.problems}
    answer(content, as_json=as_json, text=[f"The report is in '{out}'.", f"May I stop? {made.stop.sentence}"])
    fail_if(reporter.problems)
