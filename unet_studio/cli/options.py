"""The options that several commands share."""

from pathlib import Path
from typing import Annotated

import typer

from unet_studio.core.exchange.mask_values import ValueTable, parse_table
from unet_studio.core.project.store import Project
from unet_studio.errors import StudioError

Folder = Annotated[Path, typer.Argument(metavar="FOLDER", help="The folder of slides.", show_default=False)]
Place = Annotated[
    Path | None, typer.Option("--project", metavar="DIR", help="The project's folder, where it isn't in FOLDER.")
]
Json = Annotated[bool, typer.Option("--json", help="Answer with one JSON object.")]
Truth = Annotated[Path, typer.Option(metavar="DIR", help="True masks, named like the slides.")]
Foreground = Annotated[
    str | None,
    typer.Option(metavar="VALUE", help="The value in the masks that means class 1, or 'nonzero' for all but 0."),
]
Meaning = Annotated[
    str,
    typer.Option(
        metavar="TABLE",
        help="What values or colours in the masks mean: 0=background,127=myelin,255=unlabelled or #3C1098=roof.",
    ),
]
Nearest = Annotated[
    bool, typer.Option("--nearest", help="With --meaning: a value that isn't in the table means what the nearest does.")
]
Changes = Annotated[
    list[str] | None, typer.Option("--set", metavar="KEY=VALUE", help="Change the recipe; may be repeated.")
]


def read_value_table(project: Project, foreground: str | None, meaning: str, *, nearest: bool) -> ValueTable | None:
    """What --meaning and --nearest say of the values in masks; None where they say nothing.

    Raises StudioError where they contradict --foreground, or name a class that the project lacks.
    """
    if (meaning and foreground is not None) or (nearest and not meaning):
        raise StudioError("Give either --foreground or --meaning, and --nearest only with --meaning.")
    return parse_table(meaning, project.classes(), nearest=nearest) if meaning else None
