"""The commands that bring data in and out: `import`, `export` and `datasets`."""

from dataclasses import asdict
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from unet_studio.cli.options import Folder, Foreground, Json, Meaning, Nearest, Place, read_value_table
from unet_studio.cli.project import open_project
from unet_studio.cli.rendering.exchange import (
    downloaded_text,
    export_content,
    export_text,
    import_content,
    import_text,
    listed_text,
)
from unet_studio.cli.terminal import TerminalReporter, answer, fail_if
from unet_studio.core.classes import make_classes
from unet_studio.core.exchange.exporting import ExportRequest, Format, Values, Wanted
from unet_studio.core.project.store import Project
from unet_studio.errors import StudioError
from unet_studio.usecases.export import Exported, export


class DatasetsAction(StrEnum):
    """What to do with the public data sets."""

    LIST = "list"
    GET = "get"


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
    """Import masks made elsewhere as labels.

    A mask is found by the path and name of its slide. Ends with 1 where it was stopped, or where a mask has no slide or
    could not be imported.
    """
    from unet_studio.usecases.import_masks import import_masks

    with open_project(folder, project, write=True) as opened, TerminalReporter("Importing") as reporter:
        reporter.tell_left_out(folder)
        reporter.tell_left_out(masks)
        _choose_classes(opened, classes)
        table = read_value_table(opened, foreground, meaning, nearest=nearest)
        imported = import_masks(
            opened, masks, foreground=foreground, table=table, overwrite=overwrite, progress=reporter
        )
    content = {**import_content(imported), "failed": reporter.problems}
    answer(content, as_json=as_json, text=import_text(imported))
    fail_if(reporter.problems or imported.pairing.masks or not imported.is_complete)


def export_(
    folder: Folder,
    out: Annotated[Path, typer.Option(metavar="DIR", help="Where to; earlier exports there are replaced.")],
    form: Annotated[Format, typer.Option("--format", help="What to write.")] = Format.PNG,
    state: Annotated[Wanted, typer.Option(help="Planes of this state or further.")] = Wanted.REVIEWED,
    values: Annotated[
        Values, typer.Option(help="Class indices, 255 for all of them, or object numbers.")
    ] = Values.INDEX,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace files of other programs too.")] = False,
    project: Place = None,
    as_json: Json = False,
) -> None:
    """Write masks or overlays."""
    with open_project(folder, project, write=False) as opened:
        exported, problems = write_files(opened, ExportRequest(out, form, values, state, overwrite), title="Exporting")
    content = {**export_content(exported), "failed": problems}
    answer(content, as_json=as_json, text=export_text(exported, out))
    fail_if(problems or not exported.is_complete)


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
        answer({"data_sets": known}, as_json=as_json, text=listed_text(DATA_SETS))
        return
    wanted = find_data_set(name)
    with TerminalReporter("Downloading") as reporter:
        home = get_data_set(wanted, to, reporter)
    content = {"folder": home, "pairs": home / wanted.pairs, "masks": wanted.masks, "licence": wanted.licence}
    answer(content, as_json=as_json, text=downloaded_text(wanted, home))


def write_files(project: Project, request: ExportRequest, *, title: str) -> tuple[Exported, list[dict[str, str]]]:
    """Export under a progress bar with this title; returns what was written, and what is wrong with other slides."""
    with TerminalReporter(title) as reporter:
        reporter.tell_left_out(project.folder)
        exported = export(project, request, reporter)
    return exported, reporter.problems


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
