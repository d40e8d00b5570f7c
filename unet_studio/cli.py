"""The command line: the same engine as the window's, for scripts and servers.

What is slow to import, Keras above all, is imported by the commands that need it.
"""

import os
import sqlite3
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import asdict, replace
from enum import StrEnum
from fnmatch import fnmatchcase
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from typer.core import TyperGroup

from unet_studio import _answers
from unet_studio._options import Folder, Foreground, Json, Meaning, Nearest, Place
from unet_studio._terminal import Follower, answer, hushed
from unet_studio.core.classes import make_classes
from unet_studio.core.cleaning.clean_up import format_steps, parse_steps
from unet_studio.core.exchange.exporting import ExportRequest, Format, Values, Wanted, export, keep_masks, plan_export
from unet_studio.core.exchange.mask_values import ValueTable, parse_table
from unet_studio.core.labels.plane import PlaneId
from unet_studio.core.models.cards import bundled_models, find_model, project_models
from unet_studio.core.project.active_model import active_model, use_model
from unet_studio.core.project.hold_out import extend_hold_out
from unet_studio.core.project.lock import writing
from unet_studio.core.project.store import Project
from unet_studio.core.slides.finding import find_slides
from unet_studio.errors import OUT_OF_MEMORY, Cancelled, ProjectPlaceError, RecipeError, StudioError, is_out_of_memory
from unet_studio.usecases.mask_areas import mask_areas
from unet_studio.usecases.tune import TunedWatershed, tune_watershed
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
        except Exception as error:
            if not is_out_of_memory(error):
                raise
            typer.echo(OUT_OF_MEMORY, err=True)
            raise typer.Exit(1) from error


app = typer.Typer(
    cls=_Commands,
    help="Turn folders of slides into masks you can trust. 'unet-studio [FOLDER]' opens the window.",
    add_completion=False,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)


class DatasetsAction(StrEnum):
    """What to do with the public data sets."""

    LIST = "list"
    GET = "get"


class ModelsAction(StrEnum):
    """What to do with a project's models."""

    LIST = "list"
    USE = "use"
    SHEET = "sheet"


@app.command()
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
    with _opened(folder, project, write=True) as opened:
        card = use_model(opened, model) if model else active_model(opened)
        planes = [[slide, -1] for slide in _matching(folder, slides)]
        job = ProposeJob(str(opened.folder), str(opened.place), card.id, planes, overwrite, flips=flips)
        jobs = _load_jobs()
        with Follower("Proposing") as follower:
            result = jobs.propose(job, follower)
    answer({**result, "failed": follower.problems}, as_json=as_json, text=_answers.proposed(result))
    _fail_if(follower.problems)


@app.command()
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
    problems: list[dict[str, str]] = []
    with _opened(folder, project, write=True) as opened:
        tuned = _tune(opened, tune) if tune else None
        recipe = tuned.steps if tuned else recipe
        opened.set_steps(recipe)
        areas = list(mask_areas(opened))
        if preview is not None:
            request = ExportRequest(preview, Format.OVERLAY, states=Wanted.ANY)
            problems = _export(opened, request, "Writing overlays")["failed"]
    content = {"steps": format_steps(recipe), "slides": [asdict(area) for area in areas], "failed": problems}
    answer(_answers.tuned_content(tuned) | content, as_json=as_json, text=_answers.cleaned(areas, tuned))
    _fail_if(problems)


@app.command()
def retrain(
    folder: Folder,
    recipe: Annotated[
        str, typer.Option(metavar="NAME|FILE", help="Of the training; else retrain, or from-scratch without a model.")
    ] = "",
    changes: Annotated[
        list[str] | None, typer.Option("--set", metavar="KEY=VALUE", help="Change the recipe; may be repeated.")
    ] = None,
    from_scratch: Annotated[bool, typer.Option("--from-scratch", help="Don't start from the active model.")] = False,
    resume: Annotated[
        bool, typer.Option("--resume", help="Go on with the training that was interrupted last.")
    ] = False,
    project: Place = None,
    as_json: Json = False,
) -> None:
    """Retrain the project's model on all that is labelled, or train its first one.

    Ctrl+C ends the training and keeps what is best so far. The new model becomes the active one if it is better on the
    hold-out, or about as good where fewer than 5 slides are held out. A training that was interrupted otherwise goes on
    with --resume, by its own recipe.
    """
    if resume and (recipe or changes or from_scratch):
        raise typer.BadParameter("leave out --recipe, --set and --from-scratch.", param_hint="--resume")
    with _opened(folder, project, write=True) as opened:
        if resume:
            job = RetrainJob(str(opened.folder), str(opened.place), "", resume=True)
        else:
            start = active_model(opened).id if opened.active_model and not from_scratch else ""
            _extend_hold_out(opened, start, recipe, changes or [])
            job = RetrainJob(str(opened.folder), str(opened.place), start, recipe, changes or [])
        jobs, started = _load_jobs(), time.monotonic()
        with Follower("Retraining") as follower:
            result = jobs.retrain(job, follower)
        start = find_model(result["model"], opened.place).parent
        # A model from scratch was compared with a random network only, which says nothing about the active one.
        if result["preferred"] and (start or not opened.active_model):
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
        ModelsAction, typer.Argument(metavar="[list|use|sheet]", help="List the models, use one, or draw one.")
    ] = ModelsAction.LIST,
    model: Annotated[str, typer.Argument(metavar="[MODEL]", help="Id, path or name of the model.")] = "",
    out: Annotated[Path | None, typer.Option(metavar="DIR", help="Where 'sheet' puts its pictures.")] = None,
    project: Place = None,
    as_json: Json = False,
) -> None:
    """List the models, or choose the one that proposes.

    'sheet' draws a model instead: some labelled planes, their truth and its prediction side by side, and the curves of
    its training.
    """
    if (action is not ModelsAction.LIST) != bool(model) or (action is ModelsAction.SHEET) != (out is not None):
        raise typer.BadParameter("write 'list', 'use' and a model, or 'sheet', a model and --out.", param_hint="ACTION")
    if out is not None:
        _draw_model(folder, project, model, out, as_json=as_json)
        return
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
    meaning: Meaning = "",
    nearest: Nearest = False,
    classes: Annotated[str, typer.Option(metavar="NAMES", help="The classes of a new project: nucleus,debris")] = "",
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace labels that are there.")] = False,
    project: Place = None,
    as_json: Json = False,
) -> None:
    """Import masks made elsewhere as labels."""
    from unet_studio.core.exchange.importing import import_masks

    with _opened(folder, project, write=True) as opened, Follower("Importing") as follower:
        _choose_classes(opened, classes)
        imported, table = [], _value_table(opened, foreground, meaning, nearest)
        for outcome in import_masks(opened, masks, foreground=foreground, table=table, overwrite=overwrite):
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
    values: Annotated[
        Values, typer.Option(help="Class indices, 255 for all of them, or object numbers.")
    ] = Values.INDEX,
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
    meaning: Meaning = "",
    nearest: Nearest = False,
    project: Place = None,
    as_json: Json = False,
) -> None:
    """Compare the masks with true ones.

    Answers Dice, IoU, pixel accuracy and V-Rand for each slide, and pooled over all their pixels.
    """
    from unet_studio.usecases.evaluate import evaluate as compare

    with _opened(folder, project, write=False) as opened, Follower("Evaluating") as follower:
        slides, table = [], _value_table(opened, foreground, meaning, nearest)
        for slide in compare(opened, truth, foreground=foreground, table=table):
            slides.append(slide)
            if slide.problem:
                follower.problem(slide.slide, slide.problem)
            if follower.cancelled():
                break
    content = _answers.score_content(slides)
    answer({**content, "failed": follower.problems}, as_json=as_json, text=_answers.score_table(content))
    _fail_if(follower.problems)


@app.command()
def datasets(
    action: Annotated[
        DatasetsAction, typer.Argument(metavar="[list|get]", help="List public data sets, or download one.")
    ] = DatasetsAction.LIST,
    name: Annotated[str, typer.Argument(metavar="[NAME]", help="The data set to download.")] = "",
    to: Annotated[Path, typer.Option(metavar="DIR", help="Where to; it gets a folder of its own there.")] = Path(),
    as_json: Json = False,
) -> None:
    """List public data sets, or download one and check that it is what was published.

    A download that was interrupted goes on where it stopped.
    """
    from unet_studio.datasets import DATA_SETS, find_data_set, get_data_set

    if (action is DatasetsAction.GET) != bool(name):
        raise typer.BadParameter("write 'list', or 'get' and a name.", param_hint="ACTION")
    if not name:
        known = [asdict(data_set) for data_set in DATA_SETS]
        answer({"data_sets": known}, as_json=as_json, text=_answers.data_sets(DATA_SETS))
        return
    wanted = find_data_set(name)
    with Follower("Downloading") as follower:
        home = get_data_set(wanted, to, follower)
    content = {"folder": home, "pairs": home / wanted.pairs, "masks": wanted.masks, "licence": wanted.licence}
    answer(content, as_json=as_json, text=_answers.data_set(wanted, home))


@app.command()
def simulate(
    folder: Folder,
    truth: Annotated[Path, typer.Option(metavar="DIR", help="True masks, named like the slides.")],
    foreground: Foreground = None,
    classes: Annotated[str, typer.Option(metavar="NAMES", help="The classes of the true masks.")] = "foreground",
    start: Annotated[
        str, typer.Option(metavar="scratch|PATH|NAME", help="The model to start from, or scratch for none.")
    ] = "scratch",
    dense: Annotated[
        bool, typer.Option("--dense/--corrections", help="Paint everything, or only correct what is proposed.")
    ] = False,
    minutes: Annotated[float, typer.Option(min=0.1, help="How long the person works.")] = 5.0,
    train_seconds: Annotated[
        float, typer.Option(min=0, help="The longest that each training takes; 0 for as long as the recipe says.")
    ] = 60.0,
    test_share: Annotated[float, typer.Option(min=0, max=1, help="The share of the slides to judge on.")] = 0.3,
    seed: Annotated[int, typer.Option(min=0, help="Chooses the slides to judge on, and how the training begins.")] = 0,
    seeds: Annotated[int, typer.Option(min=1, help="Simulate so often, with one seed after the other.")] = 1,
    ceiling: Annotated[bool, typer.Option("--ceiling", help="Train on the truth of the whole pool as well.")] = False,
    recipe: Annotated[
        str, typer.Option(metavar="NAME|FILE", help="Of each training; else from-scratch, and then retrain.")
    ] = "",
    changes: Annotated[
        list[str] | None, typer.Option("--set", metavar="KEY=VALUE", help="Change the recipe; may be repeated.")
    ] = None,
    png: Annotated[Path | None, typer.Option(metavar="FILE", help="Draw the curves into a PNG.")] = None,
    as_json: Json = False,
) -> None:
    """Simulate a person who corrects slides, and judge the models on slides that nobody saw.

    Answers the F1 on them after so many minutes of the person's time. Nothing in FOLDER is changed.
    """
    from unet_studio.simulation import loop
    from unet_studio.simulation.chart import draw_curves
    from unet_studio.simulation.runs import Setup, take_medians

    setup = Setup(
        folder, truth, foreground, tuple(name.strip() for name in classes.split(",")),
        "" if start == "scratch" else start, dense, minutes, train_seconds, test_share, seed, recipe,
        tuple(changes or ()),
    )  # fmt: skip
    jobs, runs = _load_jobs(), []
    with Follower("Simulating") as follower:
        for number in range(seed, seed + seeds):
            follower.event("phase", title=f"Seed {number}")
            runs.append(loop.simulate(replace(setup, seed=number), jobs, follower, ceiling=ceiling))
    medians = take_medians(runs)
    if png is not None:
        draw_curves(png, runs, medians)
    content = {"runs": [asdict(run) for run in runs], "medians": [asdict(point) for point in medians]}
    answer({**content, "failed": follower.problems}, as_json=as_json, text=_answers.simulated(runs, medians))
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
        from unet_studio.demo.slides import prepare_demo

        raise typer.Exit(open_window(prepare_demo(folder)))
    from unet_studio.demo.loop import run_headless

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


def _extend_hold_out(project: Project, start: str, recipe: str, changes: list[str]) -> None:
    """Keep labelled slides out of training; a recipe with a share of its own sets them aside for its training alone."""
    from unet_studio.unet.recipes import default_recipe, load_recipe

    if project.hold_out() or not load_recipe(recipe or default_recipe(start), changes).schedule.hold_out:
        project.add_hold_out(extend_hold_out(project.labelled_planes(), project.hold_out()))


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


def _draw_model(folder: Path, place: Path | None, model: str, out: Path, *, as_json: bool) -> None:
    """Write the pictures of a model."""
    _load_jobs()  # imports Keras without its remarks
    from unet_studio.unet.pictures import write_pictures

    with _opened(folder, place, write=False) as opened:
        sheet, curves = write_pictures(opened, find_model(model, opened.place), out)
    answer({"sheet": sheet, "curves": curves}, as_json=as_json, text=f"'{sheet}' and '{curves}' written.")


def _tune(project: Project, wanted: str) -> TunedWatershed:
    """Tune a watershed that is written as in a recipe, without its numbers: 'watershed' or 'watershed@1'."""
    name, at, index = wanted.partition("@")
    if at and not index.isdecimal():
        raise RecipeError(f"“{wanted}” names no class; write a watershed and the number of a class: {name}@1.")
    with Follower("Tuning") as follower:

        def progress(share: float) -> None:
            follower.progress(share, name)
            if follower.cancelled():
                raise Cancelled("Tuning was stopped; the recipe stays as it was.")

        return tune_watershed(project, name, int(index) if at else None, progress=progress)


def _value_table(project: Project, foreground: str | None, meaning: str, nearest: bool) -> ValueTable | None:
    """What --meaning and --nearest say of the values in masks."""
    if (meaning and foreground is not None) or (nearest and not meaning):
        raise StudioError("Give either --foreground or --meaning, and --nearest only with --meaning.")
    return parse_table(meaning, project.classes(), nearest=nearest) if meaning else None


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
