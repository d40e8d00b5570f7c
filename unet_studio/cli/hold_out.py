"""The command `hold-out`: the slides on which models are judged and from which none learns."""

from enum import StrEnum
from fnmatch import fnmatchcase
from typing import Annotated

import typer

from unet_studio.cli.options import Folder, Json, Place
from unet_studio.cli.project import open_project
from unet_studio.cli.rendering.evaluation import hold_out_content, hold_out_text
from unet_studio.cli.terminal import answer
from unet_studio.core.project.grouping import check_grouping, describe_grouping, with_their_groups
from unet_studio.core.project.hold_out import say_held_out, say_let_go
from unet_studio.core.project.store import Project
from unet_studio.core.slides.finding import find_slides
from unet_studio.errors import StudioError


class HoldOutAction(StrEnum):
    """What to do with the hold-out."""

    LIST = "list"
    ADD = "add"
    REMOVE = "remove"


def hold_out(
    folder: Folder,
    action: Annotated[
        HoldOutAction, typer.Argument(metavar="[list|add|remove]", help="List it, or choose slides by hand.")
    ] = HoldOutAction.LIST,
    globs: Annotated[
        list[str] | None, typer.Argument(metavar="[GLOB]...", help="Slides, such as 'mouse3/*', with their groups.")
    ] = None,
    group: Annotated[
        str, typer.Option(metavar="slide|subfolder|prefix:_", help="Which slides stay together, from now on.")
    ] = "",
    project: Place = None,
    as_json: Json = False,
) -> None:
    """List or change the hold-out: slides that judge models and teach none.

    It is drawn at the first retraining, one group of slides in five, and stays as it is. Slides of one subfolder are a
    group where there are three or more; say --group before the first retraining where names tell what belongs together.
    """
    if (action is HoldOutAction.LIST) != (not globs):
        raise typer.BadParameter("write 'list', or 'add' or 'remove' and slides.", param_hint="ACTION")
    grouping = check_grouping(group) if group else ""
    with open_project(folder, project, write=bool(globs or grouping)) as opened:
        slides = find_slides(opened.folder)
        if grouping:
            opened.set_setting("hold_out_groups", grouping)
        said = _change(opened, slides, action, globs) if globs else ""
        content = hold_out_content(
            slides, opened.hold_out(), opened.learned() or (), opened.states(),
            groups=describe_grouping(slides, opened.hold_out_groups), said=said,
        )  # fmt: skip
    answer(content, as_json=as_json, text=hold_out_text(content))


def _change(project: Project, slides: tuple[str, ...], action: HoldOutAction, globs: list[str]) -> str:
    """Take slides into the hold-out, or off it; returns what comes of it."""
    matching = {slide for slide in slides if any(fnmatchcase(slide, glob) for glob in globs)}
    if not matching:
        raise StudioError(
            f"No slide matches {', '.join(globs)}. Write paths as they are listed, or for instance '*_3*'."
        )
    chosen = with_their_groups(matching, slides, project.hold_out_groups)
    held = project.hold_out()
    if action is HoldOutAction.ADD and (added := chosen - held - project.audit()):
        project.add_hold_out(added)
        return say_held_out(added, project.learned() or frozenset())
    if action is HoldOutAction.REMOVE and (removed := chosen & held):
        project.remove_hold_out(removed)
        return say_let_go(removed)
    return "Nothing changes: they are held out already." if action is HoldOutAction.ADD else "None of them is held out."
