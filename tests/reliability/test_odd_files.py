"""A card, a recipe or a proposal that makes no sense is one sentence, and the rest works."""

import os
import sqlite3
import sys
import tomllib
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import tomli_w
from pytestqt.qtbot import QtBot

from unet_studio.core.classes import make_classes
from unet_studio.core.labels.plane import PlaneId
from unet_studio.core.masks.proposal_writing import write_proposal
from unet_studio.core.masks.proposals import find_proposal, proposal_file
from unet_studio.core.models.cards import CARD, ModelCard, find_model, project_models, read_card
from unet_studio.core.models.interrupted import CHECKPOINT, trainings_that_need
from unet_studio.core.models.normalisation import Normalisation
from unet_studio.core.models.notes import learned_slides, read_note
from unet_studio.core.project.store import PLACE_NAME
from unet_studio.errors import ModelError, RecipeError
from unet_studio.unet.recipes import load_recipe

if TYPE_CHECKING:
    pass

PIPES = pytest.mark.skipif(sys.platform == "win32", reason="Windows has no named pipes in folders")
DEEP = "x = " + "[" * 3000 + "]" * 3000


def as_file(content: dict[str, Any]) -> str:
    return tomli_w.dumps(content)


@pytest.fixture
def card(tmp_path: Path) -> dict[str, Any]:
    """What a card that makes sense says."""
    folder = tmp_path / "good"
    folder.mkdir()
    ModelCard("x", "X", make_classes("cell"), Normalisation(1), {"name": "r"}, folder, scores={"dice": 0.5}).write()
    return tomllib.loads((folder / CARD).read_text(encoding="utf-8"))


WRONG: list[tuple[str, Any]] = [
    ("id", 5), ("id", ["x"]), ("title", 5), ("created", 1.5), ("parent", 5), ("data", []), ("credits", {}),
    ("temperature", "warm"), ("temperature", 0.0), ("temperature", True), ("recipe", 5), ("recipe", "retrain"),
    ("scores", []), ("scores", {"dice": "high"}), ("scores", {"dice": [1]}), ("unknown", 1),
    ("classes", []), ("classes", 5), ("classes", [5]), ("classes", [{"index": 0}]),
    ("classes", [{"index": i, "name": "n", "colour": [0, 0, 0]} for i in (0, 300)]),
    ("classes", [{"index": i, "name": "n", "colour": [0, 0, 0]} for i in (1, 0)]),
    ("classes", [{"index": i, "name": 5, "colour": [0, 0, 0]} for i in (0, 1)]),
    ("classes", [{"index": i, "name": "n", "colour": [0, 0]} for i in (0, 1)]),
    ("classes", [{"index": i, "name": "n", "colour": [0, 0, 1 << 40]} for i in (0, 1)]),
    ("classes", [{"index": i, "name": "n", "colour": "red"} for i in (0, 1)]),
    ("normalisation", 5), ("normalisation", {}), ("normalisation", {"channels": 0}),
    ("normalisation", {"channels": "1"}), ("normalisation", {"channels": 1, "joint": 1}),
    ("normalisation", {"channels": 1, "low": 200.0}), ("normalisation", {"channels": 1, "low": 99.9, "high": 1.0}),
]  # fmt: skip


@pytest.mark.parametrize(("key", "value"), WRONG)
def test_a_card_with_a_wrong_fact_is_left_out(tmp_path: Path, card: dict[str, Any], key: str, value: Any) -> None:
    for name, facts in (("x", {**card, key: value}), ("good", {**card, "id": "good"})):
        home = tmp_path / "place" / "models" / name
        home.mkdir(parents=True)
        (home / CARD).write_text(as_file(facts), encoding="utf-8")
    with pytest.raises(ModelError, match="can't be read"):
        read_card(tmp_path / "place" / "models" / "x")
    assert [found.id for found in project_models(tmp_path / "place")] == ["good"]


@pytest.mark.parametrize("key", ["id", "title", "classes", "normalisation", "recipe"])
def test_a_card_that_lacks_a_fact_is_left_out(tmp_path: Path, card: dict[str, Any], key: str) -> None:
    home = tmp_path / "x"
    home.mkdir()
    (home / CARD).write_text(as_file({name: value for name, value in card.items() if name != key}), encoding="utf-8")
    with pytest.raises(ModelError, match="can't be read"):
        read_card(home)


def make_odd(file: Path, kind: str) -> None:
    match kind:
        case "deep":
            file.write_text(DEEP, encoding="utf-8")
        case "large":
            file.write_bytes(b"#" * (5 << 20))
        case "no UTF-8":
            file.write_bytes(b"\xff\xfe\xff")
        case "folder":
            file.mkdir()
        case "pipe":
            os.mkfifo(file)


ODD = ["deep", "large", "no UTF-8", "folder", pytest.param("pipe", marks=PIPES)]


@pytest.mark.timeout(20)
@pytest.mark.parametrize("kind", ODD)
def test_what_is_no_text_is_no_card(tmp_path: Path, kind: str) -> None:
    home = tmp_path / "models" / "x"
    home.mkdir(parents=True)
    make_odd(home / CARD, kind)
    with pytest.raises(ModelError, match="can't be read"):
        read_card(home)
    assert project_models(tmp_path) == []
    with pytest.raises(ModelError, match="no model 'x'"):
        find_model("x", tmp_path)


@pytest.mark.timeout(20)
@pytest.mark.parametrize("kind", ODD)
def test_what_is_no_text_is_no_note_and_no_list_of_slides(tmp_path: Path, kind: str) -> None:
    card = ModelCard("x", "X", make_classes("cell"), Normalisation(1), {}, tmp_path)
    for name in ("note.txt", "learned.json"):
        make_odd(tmp_path / name, kind)
    assert kind == "deep" or read_note(card) == ""
    assert learned_slides(card) is None


@pytest.mark.timeout(20)
@pytest.mark.parametrize("kind", ODD)
def test_what_is_no_text_is_no_recipe(tmp_path: Path, kind: str) -> None:
    make_odd(tmp_path / "r.toml", kind)
    with pytest.raises(RecipeError):
        load_recipe(str(tmp_path / "r.toml"))


@pytest.mark.parametrize(
    "change",
    [
        f"schedule.clip={'9' * 400}", f"schedule.rounds={'9' * 30}", "schedule.clip=inf", "schedule.learning_rate=inf",
        "schedule.patch=1048576", "schedule.batch=1000000", "augmentation.blur=inf", "loss.dice=nan", "seed=-1",
        f"schedule.clip=-{'9' * 400}", f"architecture.depth=-{'9' * 400}", "architecture=5", "schedule=[]",
    ],
)  # fmt: skip
def test_a_number_without_a_bound_is_named(change: str) -> None:
    with pytest.raises(RecipeError, match=change.partition("=")[0]) as caught:
        load_recipe("retrain", [change])
    assert len(str(caught.value)) < 700


def test_an_interrupted_training_with_an_odd_recipe_needs_no_model(tmp_path: Path, card: dict[str, Any]) -> None:
    for number, loss in enumerate((5, [], "teacher", {"teacher": 1.0})):
        run = tmp_path / "runs" / f"r{number}"
        run.mkdir(parents=True)
        (run / CHECKPOINT).touch()
        facts = {**card, "id": f"r{number}", "parent": "before", "recipe": {"loss": loss}}
        (run / CARD).write_text(as_file(facts), encoding="utf-8")
    assert [found.id for found in trainings_that_need("before", tmp_path)] == ["r3"]


@pytest.mark.parametrize(
    "change",
    [
        "height = 1000000, width = 1000000", "channels = 1000000000", "channels = 0", "height = 'high'", "width = -5",
        "height = NULL", "width = 1e300", "channels = x'00'", "height = 9223372036854775807", "version = x'00'",
    ],
)  # fmt: skip
def test_a_proposal_that_cannot_be_counts_as_none(tmp_path: Path, change: str) -> None:
    file = proposal_file(tmp_path, "m", PlaneId("a.png"))
    write_proposal(file, (300, 300), 1, [(0, np.zeros((300, 300, 1), np.uint8))], stamp="s")
    assert find_proposal(tmp_path, "m", PlaneId("a.png")) is not None
    store = sqlite3.connect(file)
    store.execute(f"UPDATE proposal SET {change}")
    store.commit()
    store.close()
    assert find_proposal(tmp_path, "m", PlaneId("a.png")) is None


@pytest.mark.timeout(60)
def test_the_window_opens_a_folder_with_odd_models(
    qtbot: QtBot, tmp_path: Path, folder: Path, card: dict[str, Any]
) -> None:
    from unet_studio.gui.window.main_window import MainWindow

    models = folder / PLACE_NAME / "models"
    for number, (key, value) in enumerate(WRONG):
        (models / f"m{number}").mkdir(parents=True)
        (models / f"m{number}" / CARD).write_text(as_file({**card, key: value}), encoding="utf-8")
    for kind in ("deep", "large", "no UTF-8", "folder", *(["pipe"] if sys.platform != "win32" else [])):
        (models / kind).mkdir()
        make_odd(models / kind / CARD, kind)
    window = MainWindow()
    qtbot.addWidget(window)
    window.show()
    with qtbot.waitSignal(window.session.plane_opened, timeout=20_000):
        window.session.open_folder(folder)
    assert window.session.plane is not None
    window.close()
