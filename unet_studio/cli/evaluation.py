"""The commands that compare with true masks: `evaluate` and `simulate`."""

from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer

from unet_studio.cli.engine import load_engine
from unet_studio.cli.options import Changes, Folder, Foreground, Json, Meaning, Nearest, Place, Truth, read_value_table
from unet_studio.cli.project import open_project
from unet_studio.cli.rendering.evaluation import evaluate_content, evaluate_text, simulate_content, simulate_text
from unet_studio.cli.terminal import TerminalReporter, answer, fail_if
from unet_studio.core.scoring.next_plane import Order
from unet_studio.protocol.values import PhaseBegan
from unet_studio.simulation.runs import Way


def evaluate(
    folder: Folder,
    truth: Truth,
    foreground: Foreground = None,
    meaning: Meaning = "",
    nearest: Nearest = False,
    project: Place = None,
    as_json: Json = False,
) -> None:
    """Compare the masks with true ones.

    Answers Dice, IoU, pixel accuracy and V-Rand for each slide, and pooled over all their pixels. Ends with 1 where it
    was stopped, a slide could not be compared, or a mask has no slide.
    """
    from unet_studio.usecases.evaluate import evaluate as compare

    with open_project(folder, project, write=False) as opened, TerminalReporter("Evaluating") as reporter:
        reporter.tell_left_out(folder)
        reporter.tell_left_out(truth)
        table = read_value_table(opened, foreground, meaning, nearest=nearest)
        evaluation = compare(opened, truth, foreground=foreground, table=table, progress=reporter)
    content = {**evaluate_content(evaluation), "failed": reporter.problems}
    answer(content, as_json=as_json, text=evaluate_text(evaluation))
    fail_if(reporter.problems or evaluation.pairing.masks or not evaluation.is_complete)


def simulate(
    folder: Folder,
    truth: Truth,
    foreground: Foreground = None,
    classes: Annotated[str, typer.Option(metavar="NAMES", help="The classes of the true masks.")] = "foreground",
    start: Annotated[
        str, typer.Option(metavar="scratch|PATH|NAME", help="The model to start from, or scratch for none.")
    ] = "scratch",
    way: Annotated[Way, typer.Option(help="What the person corrects on each plane.")] = Way.CORRECTIVE,
    clicks: Annotated[
        int,
        typer.Option(min=0, help="Trainings that the person asks and waits for; 0: one after the other, all the time."),
    ] = 0,
    minutes: Annotated[float, typer.Option(min=0.1, help="How long the person works.")] = 5.0,
    train_seconds: Annotated[
        float, typer.Option(min=0, help="The longest that each training takes; 0 for as long as the recipe says.")
    ] = 60.0,
    order: Annotated[
        Order, typer.Option(help="In which order the person takes up the slides; all but folder and random rank them.")
    ] = Order.TEACHES_MOST,
    test_share: Annotated[float, typer.Option(min=0, max=1, help="The share of the slides to judge on.")] = 0.3,
    seed: Annotated[int, typer.Option(min=0, help="Chooses the slides to judge on, and how the training begins.")] = 0,
    seeds: Annotated[int, typer.Option(min=1, help="Simulate so often, with one seed after the other.")] = 1,
    ceiling: Annotated[bool, typer.Option("--ceiling", help="Train on the truth of the whole pool as well.")] = False,
    recipe: Annotated[
        str, typer.Option(metavar="NAME|FILE", help="Of each training; else from-scratch, and then retrain.")
    ] = "",
    changes: Changes = None,
    png: Annotated[Path | None, typer.Option(metavar="FILE", help="Draw the curves into a PNG.")] = None,
    as_json: Json = False,
) -> None:
    """Simulate a person who corrects slides, and judge the models on slides that nobody saw.

    Answers after so many minutes of the person's time: F1 and false objects on them of the model in use and of the
    newest, used or not, and the share of the corrected pixels that the newest has right. Nothing in FOLDER is changed.
    """
    from unet_studio.simulation.chart import draw_curves
    from unet_studio.simulation.loop import simulate as run
    from unet_studio.simulation.runs import Setup, take_medians

    setup = Setup(
        folder, truth, foreground, tuple(name.strip() for name in classes.split(",")),
        "" if start == "scratch" else start, way, clicks, minutes, train_seconds, test_share=test_share, seed=seed,
        recipe=recipe, changes=tuple(changes or ()), order=order,
    )  # fmt: skip
    engine, runs = load_engine(trains=True), []
    with TerminalReporter("Simulating") as reporter:
        for number in range(seed, seed + seeds):
            reporter.event(PhaseBegan(f"Seed {number}"))
            runs.append(run(replace(setup, seed=number), engine, reporter, ceiling=ceiling))
    medians = take_medians(runs)
    if png is not None:
        draw_curves(png, runs, medians)
    content = {"order": order, "way": way, **simulate_content(runs, medians), "failed": reporter.problems}
    answer(content, as_json=as_json, text=simulate_text(runs, medians))
    fail_if(reporter.problems)
