"""The command line: the same engine as the window's, for scripts and servers.

What is slow to import, Keras above all, is imported by the commands that need it.
"""

import os
import sqlite3
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import asdict
from enum import StrEnum
from fnmatch import fnmatchcase
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from typer.core import TyperGroup

from unet_studio import _answers
from unet_studio._options import Folder, Foreground, Json, Place
from unet_studio._terminal import Follower, answer, hushed
from unet_studio.core.classes import make_classes
from unet_studio.core.clean_up import format_steps, parse_steps
from unet_studio.core.exporting import ExportRequest, Format, Values, Wanted, export, keep_masks, plan_export
from unet_studio.core.hold_out import extend_hold_out
from unet_studio.core.in_use import writing
from unet_studio.core.labels import PlaneId
from unet_studio.core.mask_areas import mask_areas
from unet_studio.core.model_choice import active_model, use_model
from unet_studio.core.models import bundled_models, project_models
from unet_studio.core.project import Project
from unet_studio.core.slides import find_slides
from unet_studio.errors import ProjectPlaceError, StudioError
from unet_studio.worker.protocol import ProposeJob, RetrainJob

if TYPE_CHECKING:
    from unet_studio.worker.jobs import Jobs


class _Commands(TyperGroup):
    """Says what a person can act on in a sentence, without a traceback."""

    def invoke(self, ctx: Any) -> Any:
        try:
            return super().invoke(ctx)
        except StudioError as error:
            typer.echo(str(error), err=True)
            raise typer.Exit(1) from error
        except sqlite3.OperationalError as error:  # a full disk, or another program that holds the file
            typer.echo(f"The project can't be read or written now: {error}. What was there before is kept.", err=True)
            raise typer.Exit(1) from error


app = typer.Typer(
    cls=_Commands,
    help="Turn folders of slides into masks you can trust. 'unet-studio [FOLDER]' opens the window.",
    add_completion=False,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)


class ModelsAction(StrEnum):
    """What to do with a project's models."""

    LIST = "list"
    USE = "use"


@app.command()
def propose(
    folder: Folder,
    model: Annotated[str, typer.Option(metavar="ID|PATH|NAME", help="Use this model from now on.")] = "",
    slides: Annotated[str, typer.Option(metavar="GLOB", help="Only the slides whose path fits.")] = "*",
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Propose again where there is a proposal.")] = False,
    project: Place = None,
    as_json: Json = False,
) -> None:
    """Propose masks with the project's model."""
    with _opened(folder, project, write=True) as opened:
        card = use_model(opened, model) if model else active_model(opened)
        planes = [[slide, -1] for slide in _matching(folder, slides)]
        job = ProposeJob(str(opened.folder), str(opened.place), card.id, planes, overwrite)
        jobs = _load_jobs()
        with Follower("Proposing") as follower:
            result = jobs.propose(job, follower)
    answer({**result, "failed": follower.problems}, as_json=as_json, text=_answers.proposed(result))
    _fail_if(follower.problems)


@app.command()
def clean(
    folder: Folder,
    steps: Annotated[
        str, typer.Option(help="The recipe, such as open:disk:2,fill-holes:64,remove-small:64@1; '' for none.")
    ],
    preview: Annotated[Path | None, typer.Option(metavar="DIR", help="Write overlays of the cleaned-up masks.")] = None,
    project: Place = None,
    as_json: Json = False,
) -> None:
    """Choose the clean-up recipe of the folder's proposals.

    Answers how much of each slide its mask covers without and with it; the proposals themselves stay as they are.
    """
    recipe = parse_steps(steps)
    problems: list[dict[str, str]] = []
    with _opened(folder, project, write=True) as opened:
        opened.set_steps(recipe)
        areas = list(mask_areas(opened))
        if preview is not None:
            request = ExportRequest(preview, Format.OVERLAY, states=Wanted.ANY)
            problems = _export(opened, request, "Writing overlays")["failed"]
    content = {"steps": format_steps(recipe), "slides": [asdict(area) for area in areas], "failed": problems}
    answer(content, as_json=as_json, text=_answers.cleaned(areas))
    _fail_if(problems)


@app.command()
def retrain(
    folder: Folder,
    recipe: Annotated[str, typer.Option(metavar="NAME|FILE", help="The recipe of the training.")] = "retrain",
    changes: Annotated[
        list[str] | None, typer.Option("--set", metavar="KEY=VALUE", help="Change the recipe; may be repeated.")
    ] = None,
    from_scratch: Annotated[bool, typer.Option("--from-scratch", help="Don't start from the active model.")] = False,
    project: Place = None,
    as_json: Json = False,
) -> None:
    """Retrain the project's model on all that is labelled.

    Ctrl+C ends the training and keeps the best so far. The new model becomes the active one if it is better on the
    hold-out.
    """
    with _opened(folder, project, write=True) as opened:
        start = "" if from_scratch else active_model(opened).id
        opened.add_hold_out(extend_hold_out(opened.labelled_planes(), opened.hold_out()))
        job = RetrainJob(str(opened.folder), str(opened.place), start, recipe, changes or [])
        jobs, started = _load_jobs(), time.monotonic()
        with Follower("Retraining") as follower:
            result = jobs.retrain(job, follower)
        # A model from scratch was compared with a random network only, which says nothing about the active one.
        if result["better"] and (start or not opened.active_model):
            opened.set_setting("active_model", result["model"])
        content = {
            **result, "parent": start, "active_model": opened.active_model, "hold_out": sorted(opened.hold_out()),
            "seconds": round(time.monotonic() - started, 1), "failed": follower.problems,
        }  # fmt: skip
    answer(content, as_json=as_json, text=_answers.retrained(content))
    _fail_if(follower.problems)


@app.command()
def models(
    folder: Folder,
    action: Annotated[
        ModelsAction, typer.Argument(metavar="[list|use]", help="List the models, or use one.")
    ] = ModelsAction.LIST,
    model: Annotated[str, typer.Argument(metavar="[MODEL]", help="Id, path or name of the model to use.")] = "",
    project: Place = None,
    as_json: Json = False,
) -> None:
    """List the models, or choose the one that proposes."""
    if (action is ModelsAction.USE) != bool(model):
        raise typer.BadParameter("write 'list', or 'use' and a model.", param_hint="ACTION")
    with _opened(folder, project, write=bool(model)) as opened:
        if model:
            use_model(opened, model)
        known = [*project_models(opened.place), *bundled_models()]
        active = opened.active_model
    content = {"active_model": active, "models": [_answers.card_content(card) for card in known]}
    answer(content, as_json=as_json, text=_answers.models(known, active))


@app.command("import")
def import_(
    folder: Folder,
    masks: Annotated[Path, typer.Option(metavar="DIR", help="Masks named like the slides, in the same sub-folders.")],
    foreground: Foreground = None,
    classes: Annotated[str, typer.Option(metavar="NAMES", help="The classes of a new project: nucleus,debris")] = "",
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace labels that are there.")] = False,
    project: Place = None,
    as_json: Json = False,
) -> None:
    """Import masks made elsewhere as labels."""
    from unet_studio.core.importing import import_masks

    with _opened(folder, project, write=True) as opened, Follower("Importing") as follower:
        _choose_classes(opened, classes)
        imported = []
        for outcome in import_masks(opened, masks, foreground=foreground, overwrite=overwrite):
            if outcome.problem:
                follower.problem(outcome.slide, outcome.problem)
            else:
                imported.append(outcome.slide)
            if follower.cancelled():
                break
        keep_masks(opened, [PlaneId(slide) for slide in imported])
    content = {"imported": imported, "failed": follower.problems}
    answer(content, as_json=as_json, text=f"Masks of {_answers.counted(len(imported), 'slide')} imported.")
    _fail_if(follower.problems)


@app.command("export")
def export_(
    folder: Folder,
    out: Annotated[Path, typer.Option(metavar="DIR", help="Where to; files there with the same names are replaced.")],
    form: Annotated[Format, typer.Option("--format", help="What to write.")] = Format.PNG,
    state: Annotated[Wanted, typer.Option(help="Planes of this state or further.")] = Wanted.REVIEWED,
    values: Annotated[Values, typer.Option(help="Class indices, or 255 for every class.")] = Values.INDEX,
    project: Place = None,
    as_json: Json = False,
) -> None:
    """Write masks or overlays."""
    with _opened(folder, project, write=False) as opened:
        content = _export(opened, ExportRequest(out, form, values, state), "Exporting")
    text = f"{_answers.counted(len(content['files']), 'file')} written to '{out}'."
    answer(content, as_json=as_json, text=text)
    _fail_if(content["failed"])


@app.command()
def evaluate(
    folder: Folder,
    truth: Annotated[Path, typer.Option(metavar="DIR", help="True masks, named like the slides.")],
    foreground: Foreground = None,
    project: Place = None,
    as_json: Json = False,
) -> None:
    """Compare the masks with true ones.

    Answers Dice, IoU, pixel accuracy and V-Rand for each slide, and pooled over all their pixels.
    """
    from unet_studio.core.evaluating import evaluate as compare

    with _opened(folder, project, write=False) as opened, Follower("Evaluating") as follower:
        slides = []
        for slide in compare(opened, truth, foreground=foreground):
            slides.append(slide)
            if slide.problem:
                follower.problem(slide.slide, slide.problem)
            if follower.cancelled():
                break
    content = _answers.score_content(slides)
    answer({**content, "failed": follower.problems}, as_json=as_json, text=_answers.score_table(content))
    _fail_if(follower.problems)


@app.command()
def doctor(as_json: Json = False) -> None:
    """Say what is installed, what is missing, and how fast it is."""
    from unet_studio.doctor import examine

    typer.echo("Looking and measuring; this takes about half a minute.", err=True)
    with hushed():
        report = examine()
    answer(asdict(report), as_json=as_json, text=_answers.doctor(report))
    _fail_if(report.problem)


@app.command()
def demo(
    folder: Annotated[Path | None, typer.Option(metavar="DIR", help="Where to keep the demo.")] = None,
    headless: Annotated[bool, typer.Option("--headless", help="Run the whole loop without a window.")] = False,
    as_json: Json = False,
) -> None:
    """Open the bundled slides with a bundled model.

    With --headless, the whole loop runs on them: propose, clean up, correct, retrain, propose again, export.
    """
    if not headless:
        from unet_studio.app import open_window
        from unet_studio.demo import prepare_demo

        raise typer.Exit(open_window(prepare_demo(folder)))
    from unet_studio.demo_loop import run_headless

    target = folder or Path(tempfile.mkdtemp(prefix="unet-studio-demo-"))
    jobs = _load_jobs()
    with Follower("Starting") as follower:
        report = run_headless(target, follower, jobs)
    answer(asdict(report), as_json=as_json, text=_answers.demo(report))


@contextmanager
def _opened(folder: Path, place: Path | None, *, write: bool) -> Iterator[Project]:
    """The project of a folder that has slides; with `write`, nobody else writes to it meanwhile."""
    find_slides(folder)
    try:
        project = Project.open(folder, place=place)
    except ProjectPlaceError as error:
        raise StudioError(f"{error} Name it with --project DIR.") from error
    with project, writing(project.place) if write else nullcontext():
        yield project


def _matching(folder: Path, glob: str) -> list[str]:
    slides = [slide for slide in find_slides(folder) if fnmatchcase(slide, glob)]
    if not slides:
        raise StudioError(f"No slide in '{folder}' fits '{glob}'. A glob is written like '*.tif' or 'sub/s0*'.")
    return slides


def _choose_classes(project: Project, names: str) -> None:
    """Give a project without classes those named in a list with commas."""
    if not names:
        return
    wanted = make_classes(*(name.strip() for name in names.split(",")))
    if not project.has_classes:
        project.set_classes(wanted)
    elif [c.name for c in project.classes()] != [c.name for c in wanted]:
        present = ", ".join(c.name for c in project.classes()[1:])
        raise StudioError(f"The project has classes already: {present}. Leave --classes out to use them.")


def _export(project: Project, request: ExportRequest, title: str) -> dict[str, Any]:
    files, planned = [], plan_export(project, request)
    with Follower(title) as follower:
        for index, outcome in enumerate(export(project, request, planned)):
            follower.progress((index + 1) / len(planned), outcome.slide)
            if outcome.file is None:
                follower.problem(outcome.slide, outcome.problem)
            else:
                files.append(str(outcome.file))
            if follower.cancelled():
                break
    return {"files": files, "failed": follower.problems}


def _load_jobs() -> "Jobs":
    """Import Keras and what needs it; takes seconds."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    with hushed():
        from unet_studio.worker.jobs import Jobs
    return Jobs()


def _fail_if(problem: object) -> None:
    if problem:
        raise typer.Exit(1)
