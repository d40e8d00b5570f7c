"""Names that come out of files become paths by one function; nothing else joins a folder and a name that it was given.

A join is looked at where its left side is called a folder and its right side is no constant.
"""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[1] / "unet_studio"
FOLDERS = {"below", "begun", "folder", "home", "masks", "out", "place", "result", "root", "target", "to", "truth"}
"""What folders are called in this program, or how their names end."""
NOT_FROM_FILES = {
    "cli/exchange.py: home / wanted.pairs",
    "cli/rendering/exchange.py: home / one.pairs",
    "core/exchange/pairs.py: folder / mask",
    "core/files.py: root / relative",
    "core/models/notes.py: folder / name",
    "core/project/backups.py: place / BACKUPS / f'before-version-{version}.sqlite'",
    "core/project/backups.py: place / BACKUPS / f'project-{datetime.now():{_STAMP}}.sqlite'",
    "core/project/missing.py: place / log",
    "core/project/missing.py: place / name",
    "core/project/read_only.py: place / file.name",
    "core/project/read_only.py: place / one.name",
    "core/slides/finding.py: folder / prefix",
    "core/workspace/elsewhere.py: place / name",
    "core/workspace/elsewhere.py: target / name",
    "datasets.py: begun / archive.name",
    "datasets.py: folder / f'{name}.part'",
    "datasets.py: to / data_set.name",
    "datasets.py: to / f'.{data_set.name}.part'",
    "demo/loop.py: out / sub",
    "gui/controllers/opening.py: Path(chosen) / folder.name",
    "gui/window/unsaved_dialog.py: Path(chosen) / f'{workspace.folder.name}-unet-studio'",
    "unet/training/event_log.py: folder / f'events.out.tfevents.{time.time_ns()}'",
    "unet/training/preview.py: self._folder / f'round-{report.round:03d}.png'",
    "unet/training/retraining.py: place / kind",
    "unet/training/retraining.py: project.place / 'models' / model_id",
    "unet/training/retraining.py: project.place / 'models' / unfinished[-1].name",
}
"""Names of the program itself, of what a person chose, or of what was just found in that folder."""


def joins(source: str) -> Iterator[str]:
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Div) and is_folder(node.left):
            is_constant = isinstance(node.right, ast.Constant) or name_of(node.right).isupper()
            if not is_constant:
                yield ast.unparse(node)


def is_folder(node: ast.expr) -> bool:
    if isinstance(node, ast.BinOp):
        return isinstance(node.op, ast.Div) and is_folder(node.left)
    if isinstance(node, ast.Call):
        return name_of(node.func) in ("Path", "resolve")
    return name_of(node).rpartition("_")[2] in FOLDERS


def name_of(node: ast.expr) -> str:
    if isinstance(node, ast.Attribute):
        return node.attr
    return node.id if isinstance(node, ast.Name) else ""


def test_nothing_joins_a_folder_and_a_name_but_the_one_function() -> None:
    found = {
        f"{file.relative_to(PACKAGE).as_posix()}: {join}"
        for file in PACKAGE.rglob("*.py")
        for join in joins(file.read_text(encoding="utf-8"))
    }
    assert found - NOT_FROM_FILES == set(), "use path_inside or slide_file, or say why the name can be trusted"
    assert NOT_FROM_FILES - found == set(), "no longer there"


@pytest.mark.parametrize("join", ["project.folder / slide", "self._place / 'models' / card.id", "out / f'{name}'"])
def test_such_a_join_is_found(join: str) -> None:
    assert list(joins(join)) == [join]
