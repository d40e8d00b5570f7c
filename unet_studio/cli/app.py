"""The Typer application: the commands in the order of the help; errors become a sentence and exit code 1."""

import sqlite3
from typing import Any

import typer
from typer.core import TyperGroup

from unet_studio.cli.advice import advise
from unet_studio.cli.audit import audit
from unet_studio.cli.bundling import bundle
from unet_studio.cli.demo import demo
from unet_studio.cli.doctor import doctor
from unet_studio.cli.evaluation import evaluate, simulate
from unet_studio.cli.exchange import datasets, export_, import_
from unet_studio.cli.hold_out import hold_out
from unet_studio.cli.models import models
from unet_studio.cli.proposing import clean, propose
from unet_studio.cli.repeating import repeat
from unet_studio.cli.reporting import report
from unet_studio.cli.training import retrain
from unet_studio.errors import OUT_OF_MEMORY, StudioError, is_out_of_memory


class _Commands(TyperGroup):
    """Reports an error that a person can act on in a sentence, without a traceback."""

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

app.command("propose")(propose)
app.command("clean")(clean)
app.command("advise")(advise)
app.command("retrain")(retrain)
app.command("models")(models)
app.command("import")(import_)
app.command("export")(export_)
app.command("evaluate")(evaluate)
app.command("audit")(audit)
app.command("hold-out")(hold_out)
app.command("repeat")(repeat)
app.command("report")(report)
app.command("bundle")(bundle)
app.command("datasets")(datasets)
app.command("simulate")(simulate)
app.command("doctor")(doctor)
app.command("demo")(demo)
