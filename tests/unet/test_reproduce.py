"""The script that reruns published experiments: right slides held out, right labels, and everything it promises."""

import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from unet_studio.core.exchange.mask_values import read_classes
from unet_studio.core.exchange.pairs import find_pairs
from unet_studio.core.models.cards import read_card
from unet_studio.core.slides.opening import open_slide
from unet_studio.core.tiles import Box
from unet_studio.unet.recipes import Recipe, load_recipe

TRAINING = Path(__file__).parents[2] / "training"


@pytest.fixture
def script(monkeypatch: pytest.MonkeyPatch) -> Iterator[ModuleType]:
    monkeypatch.syspath_prepend(str(TRAINING))
    import reproduce

    yield reproduce
    for name in ("reproduce", "make_starters"):
        sys.modules.pop(name, None)


@pytest.fixture
def data(tmp_path: Path, spots: Callable[[int], tuple[NDArray[np.uint8], NDArray[np.uint8]]]) -> Path:
    """Six slides of spots, with masks of 0 and 255."""
    for kind in ("image", "label"):
        (tmp_path / "set" / kind).mkdir(parents=True)
    for number in range(6):
        pixels, truth = spots(number)
        cv2.imwrite(str(tmp_path / "set" / "image" / f"{number}.png"), pixels)
        cv2.imwrite(str(tmp_path / "set" / "label" / f"{number}.png"), truth * 255)
    return tmp_path / "set"


def test_a_recipe_runs_and_leaves_score_pictures_and_model(
    script: ModuleType, data: Path, recipe_file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for _ in range(2):
        arguments = [str(recipe_file), "--data", str(data), "--classes", "spot", "--set", "schedule.rounds=1"]
        places = ["--out", str(tmp_path / "out"), "--logs", str(tmp_path / "logs")]
        monkeypatch.setattr(sys, "argv", ["reproduce.py", *arguments, *places])
        script.main()
    log = (tmp_path / "logs" / "reproduce-tiny.log").read_text(encoding="utf-8")
    assert log.count("tiny on 6 slides of set schedule.rounds=1\n") == 2, "each run adds to the log"
    assert log.count("pixel accuracy 0.") == 2
    assert log.count("published: no figure") == 2
    out = tmp_path / "out" / "tiny"
    assert all(cv2.imread(str(out / name)) is not None for name in ("sheet.png", "curves.png"))
    assert [one.name for one in read_card(out / "model").classes] == ["background", "spot"]
    assert sorted(path.name for path in data.iterdir()) == ["image", "label"], "the data set stays as it is"


def test_the_last_slides_are_held_out(script: ModuleType, recipe: Recipe) -> None:
    slides = [str(number) for number in range(24)]
    assert script.last_slides(slides, load_recipe("tutorial-v2")) == slides[19:]
    assert script.last_slides(slides, load_recipe("ade20k-128")) == slides[22:]
    assert script.last_slides(slides, recipe) == slides[19:]
    assert script.last_slides(slides[:2], recipe) == ["1"]


def test_resized_slides_keep_their_own_classes(script: ModuleType, data: Path, tmp_path: Path) -> None:
    given: Any = script.Data(data, find_pairs(data), ("spot",), None, None)
    small = script.resize_data(given, 32, tmp_path / "small")
    assert [pair.slide for pair in small.pairs] == [f"image/{number}.tif" for number in range(6)]
    for before, after in zip(given.pairs, small.pairs, strict=True):
        (whole,), (reduced,) = (
            read_classes(pair.mask, classes=2, table=table)
            for pair, table in ((before, None), (after, script.IDENTITY))
        )
        np.testing.assert_array_equal(reduced, whole[::2, ::2])
        with open_slide(data / before.slide) as large, open_slide(small.folder / after.slide) as reader:
            pixels = large.read(0, Box(0, 0, 64, 64)).reshape(32, 2, 32, 2, 1).mean(axis=(1, 3))
            np.testing.assert_allclose(reader.read(0, Box(0, 0, 32, 32)), pixels, atol=1)


def test_every_published_figure_is_of_a_recipe(script: ModuleType) -> None:
    for name in script.PUBLISHED:
        assert load_recipe(name).name == name
