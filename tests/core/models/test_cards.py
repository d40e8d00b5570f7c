"""A model is a folder with a card; cards survive writing, and a folder that is none is said to be none."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from unet_studio import paths
from unet_studio.core.classes import LabelClass, make_classes
from unet_studio.core.models.cards import (
    CARD,
    ModelCard,
    bundled_models,
    find_model,
    project_models,
    read_card,
    suited_starter,
)
from unet_studio.core.models.normalisation import Normalisation
from unet_studio.errors import ModelError


def make_card(folder: Path, **facts: Any) -> ModelCard:
    folder.mkdir(parents=True, exist_ok=True)
    plain: dict[str, Any] = {
        "id": folder.name,
        "title": folder.name.title(),
        "classes": make_classes("nucleus"),
        "normalisation": Normalisation(channels=1),
        "recipe": {},
    }
    card = ModelCard(**{**plain, **facts}, folder=folder)
    card.write()
    return card


def test_a_card_is_read_as_it_was_written(tmp_path: Path) -> None:
    card = make_card(
        tmp_path / "größe",
        title='Nuclei "in" größe',
        classes=(*make_classes("axon"), LabelClass(2, "myelin sheath", (1, 2, 3))),
        normalisation=Normalisation(channels=3, low=0.5, high=99.0, joint=False),
        recipe={"name": "retrain", "schedule": {"rounds": 5, "learning_rate": 1e-3}, "flips": True},
        created="2025-02-03T04:05:06+00:00",
        parent="nuclei",
        data="fingerprint",
        credits="Somebody, CC0",
        temperature=1.25,
        scores={"dice": 0.93, "by class": [0.9, 0.96]},
    )
    assert read_card(tmp_path / "größe") == card


def test_a_card_says_when_and_from_what_in_words(tmp_path: Path) -> None:
    card = make_card(
        tmp_path / "a", created="2026-11-21T02:25:36+00:00", data="3 slides, 12345 labelled pixels, labels ab12"
    )
    assert card.date == f"{datetime(2026, 11, 21, 2, 25, 36, tzinfo=UTC).astimezone():%Y-%m-%d %H:%M}"
    assert card.learned_from == "3 slides, 12,345 pixels"
    assert make_card(tmp_path / "b", created="last year").date == "last year"


def test_a_card_that_moves_with_its_folder_differs_in_nothing_else(tmp_path: Path) -> None:
    card = make_card(tmp_path / "a")
    (tmp_path / "a").rename(tmp_path / "b")
    assert read_card(tmp_path / "b") == card.moved_to(tmp_path / "b")
    assert read_card(tmp_path / "b").weights == tmp_path / "b" / "model.keras"


def test_a_folder_without_a_card_is_no_model(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=r"A model is a folder with model\.keras and card\.toml"):
        read_card(tmp_path)


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\xff\xfe\x00binary",
        b"this is not TOML",
        b"classes = 3",
        b"id = 'a'\ntitle = 'A'\nclasses = []\nrecipe = {}",
        b"id = 'a'\ntitle = 'A'\nclasses = []\nrecipe = {}\n[normalisation]\nchannels = 1\nunheard_of = 2",
        b"id = 'a'\nclasses = [{index = 0}]\n[normalisation]\nchannels = 1",
        b"id = 'a'\ntitle = 'A'\nclasses = []\nrecipe = {}\ntemperature = 0.0\n[normalisation]\nchannels = 1",
    ],
    ids=[
        "empty",
        "binary",
        "prose",
        "no classes",
        "no normalisation",
        "newer normalisation",
        "half a class",
        "no temperature",
    ],
)
def test_a_card_that_makes_no_sense_is_said_to_be_none(tmp_path: Path, content: bytes) -> None:
    (tmp_path / CARD).write_bytes(content)
    with pytest.raises(ModelError, match=f"'{tmp_path}' isn't a model"):
        read_card(tmp_path)


def test_the_models_of_a_project_come_oldest_first_without_damaged_ones(tmp_path: Path) -> None:
    newer = make_card(tmp_path / "models" / "a", created="2025-02-01")
    older = make_card(tmp_path / "models" / "b", created="2025-01-31")
    make_card(tmp_path / "models" / "broken")
    (tmp_path / "models" / "broken" / CARD).write_text("half a c")
    (tmp_path / "models" / "empty").mkdir()
    assert project_models(tmp_path) == [older, newer]


def test_a_new_project_has_no_models(tmp_path: Path) -> None:
    assert project_models(tmp_path) == []


def test_every_starter_model_has_a_card_and_is_told_apart_from_the_users_own(tmp_path: Path) -> None:
    starters = bundled_models()
    assert {card.id for card in starters} == {
        card.parent.name for card in (paths.resources() / "models").glob("*/*.toml")
    }
    assert starters
    assert all(card.is_bundled and card.credits and card.scores for card in starters)
    assert not make_card(tmp_path / "own").is_bundled


def picture(background: tuple[int, ...], object_: tuple[int, ...]) -> NDArray[np.uint8]:
    """A slide with noise and one object on a quarter of it, of these colours."""
    inside = np.zeros((64, 64, 1), bool)
    inside[16:48, 16:48] = True
    noise = np.random.default_rng(0).integers(0, 9, (64, 64, len(background)))
    return (np.where(inside, object_, background) + noise).astype(np.uint8)


@pytest.mark.parametrize(
    ("background", "object_", "suited"),
    [
        ((5,), (200,), "nuclei-fluorescence"),
        ((5, 5, 5), (200, 200, 200), "nuclei-fluorescence"),
        ((5, 5, 5), (10, 20, 240), "nuclei-fluorescence"),
        ((220, 220, 220), (60, 60, 60), "nuclei-fluorescence"),
        ((230, 225, 235), (90, 40, 150), "nuclei-histology"),
        ((200, 160, 210), (80, 30, 140), "nuclei-histology"),
        ((230, 225), (90, 40), "nuclei-fluorescence"),
        ((0, 0, 0), (0, 0, 0), "nuclei-fluorescence"),
    ],
    ids=[
        "grey",
        "grey as RGB",
        "blue on black",
        "dark on white",
        "stained",
        "stained all over",
        "two channels",
        "empty",
    ],
)
def test_a_new_project_begins_with_the_starter_for_its_kind_of_slide(
    background: tuple[int, ...], object_: tuple[int, ...], suited: str
) -> None:
    card = suited_starter(picture(background, object_))
    assert card is not None
    assert card.id == suited


def test_a_slide_of_nothing_but_zeros_has_a_starter() -> None:
    card = suited_starter(np.zeros((8, 8, 3), np.uint16))
    assert card is not None


def test_a_model_is_found_in_the_project_by_its_id(tmp_path: Path) -> None:
    card = make_card(tmp_path / "models" / "round-1")
    assert find_model("round-1", tmp_path) == card


def test_a_starter_model_is_found_by_its_name_with_and_without_a_project(tmp_path: Path) -> None:
    starter = bundled_models()[0]
    assert find_model(starter.id, None) == starter
    assert find_model(starter.id, tmp_path) == starter


def test_the_projects_own_model_goes_before_a_starter_model_of_the_same_name(tmp_path: Path) -> None:
    own = make_card(tmp_path / "models" / bundled_models()[0].id)
    assert find_model(own.id, tmp_path) == own


def test_a_model_is_found_by_the_path_of_its_folder(tmp_path: Path) -> None:
    card = make_card(tmp_path / "elsewhere")
    assert find_model(str(tmp_path / "elsewhere"), None) == card


def test_an_unknown_model_is_said_with_those_that_are_known(tmp_path: Path) -> None:
    make_card(tmp_path / "models" / "round-1")
    with pytest.raises(ModelError, match=r"There is no model 'round-2'\. Known here: round-1, "):
        find_model("round-2", tmp_path)


def test_a_damaged_model_given_by_its_path_is_said_to_be_damaged(tmp_path: Path) -> None:
    (tmp_path / CARD).write_text("half a c")
    with pytest.raises(ModelError, match="isn't a model"):
        find_model(str(tmp_path), None)


def test_a_model_fits_a_project_with_classes_of_the_same_names(tmp_path: Path) -> None:
    card = make_card(tmp_path / "a", classes=make_classes("axon", "myelin"))
    other_colours = tuple(LabelClass(c.index, c.name, (0, 0, 0)) for c in make_classes("axon", "myelin"))
    card.check_fits(other_colours)


@pytest.mark.parametrize("names", [(), ("axon",), ("myelin", "axon"), ("axon", "myelin", "nucleus")], ids=str)
def test_a_model_of_other_classes_is_refused_in_a_sentence(tmp_path: Path, names: tuple[str, ...]) -> None:
    card = make_card(tmp_path / "a", classes=make_classes("axon", "myelin"))
    known = ", ".join(names) or "no class"
    with pytest.raises(ModelError, match=f"knows axon, myelin, but this project has {known}. Choose another model"):
        card.check_fits(make_classes(*names))
