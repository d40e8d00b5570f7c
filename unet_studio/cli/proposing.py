"""The commands that make masks: `propose` and `clean`."""

from fnmatch import fnmatchcase
from pathlib import Path
from typing import Annotated

import typer

from unet_studio.cli.engine import load_engine
from unet_studio.cli.exchange import write_files
from unet_studio.cli.options import Folder, Json, Place
from unet_studio.cli.project import open_project
from unet_studio.cli.rendering.proposing import clean_content, clean_text, propose_content, propose_text
from unet_studio.cli.terminal import TerminalReporter, answer, fail_if
from unet_studio.core.cleaning.steps import parse_steps
from unet_studio.core.exchange.exporting import ExportRequest, Format, Wanted
from unet_studio.core.masks.kept import settle
from unet_studio.core.project.active_model import active_model, use_model
from unet_studio.core.project.store import Project
from unet_studio.core.slides.finding import find_slides
from unet_studio.errors import RecipeError, StudioError
from unet_studio.protocol.values import ProposeJob
from unet_studio.usecases.cleaning.clean import clean as clean_masks
from unet_studio.usecases.cleaning.tune import TunedWatershed
from unet_studio.usecases.cleaning.tune import tune as tune_watershed


def propose(
    folder: Folder,
    model: Annotated[str, typer.Option(metavar="ID|PATH|NAME", help="Use this model from now on.")] = "",
    slides: Annotated[str, typer.Option(metavar="GLOB", help="Only the slides whose path fits.")] = "*",
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Propose again where there is a proposal.")] = False,
    flips: Annotated[
        bool, typer.Option("--flips", help="Average over eight orientations: a little better, eight times slower.")
    ] = False,
    project: Place = None,
    as_json: Json = False,
) -> None:
    """Propose masks with the project's model."""
    with open_project(folder, project, write=True) as opened:
        card = use_model(opened, model) if model else active_model(opened)
        planes = [(slide, -1) for slide in _matching(folder, slides)]
        job = ProposeJob(str(opened.folder), str(opened.place), card.id, planes, overwrite, flips=flips)
        engine = load_engine()
        with TerminalReporter("Proposing") as reporter:
            reporter.tell_left_out(folder)
            proposed = engine.propose(job, reporter)
        settle(opened)
    content = {**propose_content(proposed), "failed": reporter.problems}
    answer(content, as_json=as_json, text=propose_text(proposed))
    fail_if(reporter.problems)


def clean(
    folder: Folder,
    steps: Annotated[
        str | None, typer.Option(help="The recipe, such as open:disk:2,fill-holes:64,watershed:1:0.1@1; '' for none.")
    ] = None,
    tune: Annotated[
        str,
        typer.Option(
            metavar="WATERSHED",
            help="Instead of --steps: try numbers for this step, such as watershed or watershed-boundary@1, on the "
            "slides that are reviewed or labelled all over, and keep the best.",
        ),
    ] = "",
    preview: Annotated[Path | None, typer.Option(metavar="DIR", help="Write overlays of the cleaned-up masks.")] = None,
    project: Place = None,
    as_json: Json = False,
) -> None:
    """Choose the clean-up recipe of the folder's proposals.

    Answers how much of each slide its mask covers without and with it; the proposals themselves stay as they are.
    """
    if (steps is None) == (not tune):
        raise typer.BadParameter("write either --steps or --tune.", param_hint="--steps")
    recipe = parse_steps(steps or "")
    with open_project(folder, project, write=True) as opened:
        tuned = _tune(opened, tune) if tune else None
        with TerminalReporter("Cleaning up") as reporter:
            reporter.tell_left_out(folder)
            cleaned = clean_masks(opened, tuned.steps if tuned else recipe, reporter)
        problems, is_complete = reporter.problems, True
        if preview is not None:
            request = ExportRequest(preview, Format.OVERLAY, states=Wanted.ANY)
            written, left_out = write_files(opened, request, title="Writing overlays")
            is_complete = written.is_complete
            problems += [problem for problem in left_out if problem not in problems]
    content = {**clean_content(cleaned, tuned), "failed": problems}
    answer(content, as_json=as_json, text=clean_text(cleaned, tuned))
    fail_if(problems or not is_complete)


def _matching(folder: Path, glob: str) -> list[str]:
    slides = [slide for slide in find_slides(folder) if fnmatchcase(slide, glob)]
    if not slides:
        raise StudioError(f"No slide in '{folder}' fits '{glob}'. A glob is written like '*.tif' or 'sub/s0*'.")
    return slides


def _tune(project: Project, wanted: str) -> TunedWatershed:
    """Tune a watershed that is written as in a recipe, without its numbers: 'watershed' or 'watershed@1'."""
    name, at, index = wanted.partition("@")
    if at and not index.isdecimal():
        raise RecipeError(f"“{wanted}” names no class; write a watershed and the number of a class: {name}@1.")
    with TerminalReporter("Tuning") as reporter:
        return tune_watershed(project, name, int(index) if at else None, progress=reporter)
