"""The options that several commands share."""

from pathlib import Path
from typing import Annotated

import typer

Folder = Annotated[Path, typer.Argument(metavar="FOLDER", help="The folder of slides.", show_default=False)]
Place = Annotated[
    Path | None, typer.Option("--project", metavar="DIR", help="The project's folder, where it isn't in FOLDER.")
]
Json = Annotated[bool, typer.Option("--json", help="Answer with one JSON object.")]
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
