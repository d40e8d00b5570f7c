"""Recipes: those that come with the program, and what is said of one that makes no sense."""

import json
import tomllib
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import tomli_w
from hypothesis import given
from hypothesis import strategies as st

from unet_studio import paths
from unet_studio.core.cleaning.steps import parse_steps
from unet_studio.errors import RecipeError
from unet_studio.unet.recipes import Architecture, Augmentation, Loss, Recipe, Schedule, load_recipe

SHIPPED = sorted(file.stem for file in paths.recipes().glob("*.toml"))


@pytest.fixture
def write(tmp_path: Path) -> Callable[[str], str]:
    """Write a recipe file and give its path."""

    def write_file(text: str) -> str:
        file = tmp_path / "mine.toml"
        file.write_text(text, encoding="utf-8")
        return str(file)

    return write_file


def test_the_one_click_recipe_is_shipped() -> None:
    assert "retrain" in SHIPPED


PUBLISHED = {"tutorial-v1", "tutorial-v2", "tutorial-v2-augmented", "tutorial-deeper", "ade20k-128", "paper-2015"}


def test_every_published_experiment_has_its_recipe() -> None:
    assert set(SHIPPED) >= PUBLISHED


@pytest.mark.parametrize("name", ["tutorial-v1", "tutorial-v2", "tutorial-v2-augmented", "tutorial-deeper"])
def test_a_tutorial_is_trained_as_it_says(name: str) -> None:
    recipe = load_recipe(name)
    schedule, augmented = recipe.schedule, name in ("tutorial-v2-augmented", "tutorial-deeper")
    assert (schedule.optimiser, schedule.learning_rate, schedule.decay) == ("adam", 1e-4, "none")
    assert (schedule.batch, schedule.rounds, schedule.epoch, schedule.whole) == (8, 100, True, True)
    assert (schedule.validation, schedule.patience) == (0.2, 5 if augmented else 2)
    assert (recipe.loss.cross_entropy, recipe.loss.dice, recipe.architecture.output) == (1, 0, "sigmoid")
    assert (recipe.augmentation.rotate > 0, recipe.augmentation.brightness_low) == (augmented, 0.8 if augmented else 1)


def test_ade20k_can_have_either_optimiser() -> None:
    recipe = load_recipe("ade20k-128", ["schedule.optimiser=radam", "schedule.learning_rate=1e-3"])
    assert (recipe.schedule.batch, recipe.schedule.patience, recipe.tensorboard) == (5, 10, True)
    assert recipe.architecture.upsampling == "nearest"


def test_the_paper_is_trained_as_it_says() -> None:
    recipe = load_recipe("paper-2015")
    assert (recipe.loss.border_weight, recipe.loss.border_sigma) == (10, 5)
    assert (recipe.augmentation.elastic, recipe.augmentation.elastic_nodes) == (10, 3)
    assert (recipe.schedule.optimiser, recipe.schedule.momentum, recipe.schedule.batch) == ("sgd", 0.99, 1)
    assert recipe.architecture.dropout > 0


@pytest.mark.parametrize("name", SHIPPED)
def test_every_shipped_recipe_loads_and_says_what_it_is_for(name: str) -> None:
    recipe = load_recipe(name)
    assert recipe.name == name
    assert recipe.description
    if recipe.clean_up:
        assert parse_steps(recipe.clean_up)


@pytest.mark.parametrize("name", SHIPPED)
def test_a_recipe_survives_the_way_through_a_card_and_a_message(name: str) -> None:
    recipe = load_recipe(name)
    content = recipe.as_dict()
    assert Recipe.from_dict(content) == recipe
    assert tomllib.loads(tomli_w.dumps(content)) == content
    assert json.loads(json.dumps(content)) == content


def test_what_a_file_leaves_out_has_its_standard_value(write: Callable[[str], str]) -> None:
    recipe = load_recipe(write("seed = 3\n[schedule]\nrounds = 2"))
    assert recipe == Recipe("mine", seed=3, schedule=Schedule(rounds=2))


@pytest.mark.parametrize(
    ("change", "changed"),
    [
        ("seed=7", Recipe("mine", seed=7)),
        ("schedule.rounds=3", Recipe("mine", schedule=Schedule(rounds=3))),
        ("schedule.learning_rate=1", Recipe("mine", schedule=Schedule(learning_rate=1.0))),
        ("augmentation.flip=false", Recipe("mine", augmentation=Augmentation(flip=False))),
        ("architecture.upsampling=nearest", Recipe("mine", architecture=Architecture(upsampling="nearest"))),
        ("architecture.atrous=[1, 2]", Recipe("mine", architecture=Architecture(atrous=(1, 2)))),
        ("description=two words", Recipe("mine", description="two words")),
    ],
)
def test_changes_are_laid_over_the_file(write: Callable[[str], str], change: str, changed: Recipe) -> None:
    assert load_recipe(write(""), [change]) == changed


def test_the_last_change_wins(write: Callable[[str], str]) -> None:
    assert load_recipe(write("seed = 1"), ["seed=2", "seed=3"]).seed == 3


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ("schedule.round=3", "A recipe has no 'schedule.round'. Did you mean 'rounds'?"),
        ("shedule.rounds=3", "A recipe has no 'shedule'. Did you mean 'schedule'?"),
        ("zzz=3", "A recipe has no 'zzz'. Known are: name, description, seed"),
        ("seed=1.5", "'seed' in a recipe must be a whole number; received 1.5."),
        ("seed=true", "'seed' in a recipe must be a whole number; received True."),
        ("schedule.learning_rate=fast", "'schedule.learning_rate' in a recipe must be a number; received 'fast'."),
        ("augmentation.flip=1", "'augmentation.flip' in a recipe must be true or false; received 1."),
        ("architecture.atrous=3", "'architecture.atrous' in a recipe must be a list of whole numbers; received 3."),
        ("architecture.atrous=[1.5]", "must be a list of whole numbers; received [1.5]."),
        ("architecture.atrous=[true]", "must be a list of whole numbers; received [True]."),
        ("schedule=3", "'schedule' in a recipe is a group of settings; received 3."),
        ("description.long=3", "'description' isn't a group of settings"),
        ("seed", "'seed' doesn't change a recipe; write it as key=value"),
    ],
)
def test_a_change_that_makes_no_sense_is_explained(write: Callable[[str], str], change: str, said: str) -> None:
    with pytest.raises(RecipeError) as caught:
        load_recipe(write("description = 'mine'"), [change])
    assert said in str(caught.value)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ("seed=-1", "'seed' in a recipe must be 0 to 4294967295; received -1."),
        ("architecture.depth=0", "'architecture.depth' in a recipe must be 1 to 6; received 0."),
        ("architecture.width=1000", "'architecture.width' in a recipe must be 1 to 256; received 1000."),
        ("architecture.dropout=1", "'architecture.dropout' in a recipe must be 0 or more and below 1; received 1.0."),
        ("architecture.normalisation=layer", "must be one of none, batch; received 'layer'."),
        ("architecture.upsampling=cubic", "must be one of transposed, nearest; received 'cubic'."),
        ("schedule.patch=100", "'schedule.patch' in a recipe must be a multiple of 16"),
        ("architecture.padding=mirror", "must be one of same, valid; received 'mirror'."),
        ("architecture.atrous=[0]", "'architecture.atrous' in a recipe must be rates of 1 to 64; received [0]."),
        ("architecture.last_kernel=2", "'architecture.last_kernel' in a recipe must be 1, 3 or 5; received 2."),
        ("architecture.padding=valid", "'schedule.patch' in a recipe must be 188 or a multiple of 16 more, since"),
        ("schedule.optimiser=adams", "must be one of adam, radam, sgd; received 'adams'."),
        ("schedule.decay=linear", "must be one of cosine, plateau, none; received 'linear'."),
        ("schedule.validation=1", "'schedule.validation' in a recipe must be 0 or more and below 1; received 1.0."),
        ("schedule.steps=0", "'schedule.steps' in a recipe must be 1 or more; received 0."),
        ("loss.balance=0.5", "'loss.balance' in a recipe must be 1 or more; received 0.5."),
        ("loss.border_sigma=0", "'loss.border_sigma' in a recipe must be above 0; received 0.0."),
        ("augmentation.elastic_nodes=1", "'augmentation.elastic_nodes' in a recipe must be 2 or more; received 1."),
        ("augmentation.brightness_low=2", "must be above 0 and at most brightness_high; received 2.0."),
        ("schedule.batch=0", "'schedule.batch' in a recipe must be 1 or more; received 0."),
        ("schedule.ema=1", "'schedule.ema' in a recipe must be 0 or more and below 1; received 1.0."),
        ("schedule.learning_rate=nan", "'schedule.learning_rate' in a recipe must be above 0; received nan."),
        ("augmentation.scale_low=2", "'augmentation.scale_low' in a recipe must be above 0 and at most scale_high"),
        ("augmentation.noise=-1", "'augmentation.noise' in a recipe must be 0 or more; received -1.0."),
        ("loss.dice=-1", "'loss.dice' in a recipe must be 0 or more; received -1.0."),
    ],
)
def test_a_value_out_of_range_is_named_with_its_range(write: Callable[[str], str], change: str, said: str) -> None:
    with pytest.raises(RecipeError) as caught:
        load_recipe(write(""), [change])
    assert said in str(caught.value)


def test_a_loss_must_weigh_something() -> None:
    with pytest.raises(RecipeError, match="above 0 where cross_entropy is 0"):
        Loss(cross_entropy=0.0, dice=0.0)


def test_another_depth_can_forbid_a_patch() -> None:
    recipe = Recipe("mine", schedule=Schedule(patch=48))
    with pytest.raises(RecipeError, match="a multiple of 32, since the network halves it 5 times"):
        replace(recipe, architecture=Architecture(depth=5))


@pytest.mark.parametrize(
    ("name", "said"),
    [("retrian", "There is no recipe 'retrian'. Did you mean 'retrain'?"), ("no/such.toml", "no/such.toml")],
)
def test_a_missing_recipe_is_told(name: str, said: str) -> None:
    with pytest.raises(RecipeError) as caught:
        load_recipe(name)
    assert said in str(caught.value)


@pytest.mark.parametrize("content", [b"rounds = = 3", b"description = '\xff'"], ids=["syntax", "not UTF-8"])
def test_a_file_that_is_no_toml_is_named(tmp_path: Path, content: bytes) -> None:
    file = tmp_path / "bad.toml"
    file.write_bytes(content)
    with pytest.raises(RecipeError, match=r"The recipe 'bad.toml' isn't valid TOML"):
        load_recipe(str(file))


def test_a_folder_is_no_recipe(tmp_path: Path) -> None:
    (tmp_path / "folder.toml").mkdir()
    with pytest.raises(RecipeError, match="can't be read"):
        load_recipe(str(tmp_path / "folder.toml"))


def test_a_card_without_a_complete_recipe_still_has_one() -> None:
    content: dict[str, Any] = {"architecture": {"depth": 2}}
    assert Recipe.from_dict(content).architecture == Architecture(depth=2)


@given(
    depth=st.integers(1, 5), padding=st.sampled_from(["same", "valid"]), last_kernel=st.sampled_from([1, 3]),
    atrous=st.lists(st.integers(1, 4), max_size=2), side=st.integers(1, 900),
)  # fmt: skip
def test_sides_that_fit_are_found(side: int, atrous: list[int], **options: Any) -> None:
    architecture = Architecture(atrous=tuple(atrous), **options)
    padded = architecture.padded_side(side)
    assert architecture.fits(padded)
    assert 0 <= padded - 2 * architecture.margin - side < 1 << architecture.depth
    largest = architecture.largest_side(side)
    assert largest == max((s for s in range(1, side + 1) if architecture.fits(s)), default=0)
