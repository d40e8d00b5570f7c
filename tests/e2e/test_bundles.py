"""A bundle of a project as people have it: trained by the recipe of the one click, but for the number of its rounds, on
slides that were corrected.
"""

from pathlib import Path

import cv2
import numpy as np
import pytest

from tests.cli.conftest import _ask
from tests.e2e.test_corrections import STARTER, draw_nuclei
from tests.e2e.test_masks_stay import export
from unet_studio.core.classes import UNLABELLED


@pytest.fixture
def retrained(tmp_path: Path) -> Path:
    """Three slides of which a part was corrected and two that were reviewed and are held out, after one click."""
    slides, masks = tmp_path / "slides", tmp_path / "masks"
    for seed in range(5):
        pixels, truth, (y, x) = draw_nuclei(seed)
        said = truth.copy()
        if seed < 3:
            said[:] = UNLABELLED
            said[y - 11 : y + 12, x - 11 : x + 12] = 0
            said[:40, :40] = truth[:40, :40]
        for folder, values in ((slides, pixels), (masks, said)):
            folder.mkdir(exist_ok=True)
            cv2.imwrite(str(folder / f"s{seed}.png"), values)
    _ask("propose", slides, "--model", STARTER)
    _ask("import", slides, "--masks", masks)
    _ask("hold-out", slides, "add", "s3.png", "s4.png")
    assert _ask("retrain", slides, "--set", "schedule.rounds=2")["hold_out"] == ["s3.png", "s4.png"]
    return slides


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_the_default_training_and_corrected_masks_come_out_the_same(retrained: Path, tmp_path: Path) -> None:
    before = export(retrained, tmp_path / "before")
    _ask("bundle", retrained, "--out", tmp_path / "b.zip", "--with-slides")
    again = _ask("retrain", tmp_path / "elsewhere", "--from-bundle", tmp_path / "b.zip")["bundle"]
    assert again["dice"] > 0.8, "a training that learned nothing would be easy to reproduce"
    assert again["reproduced"]
    assert abs(again["dice_now"] - again["dice"]) <= 0.005
    after = export(tmp_path / "elsewhere", tmp_path / "after")
    assert sorted(after) == sorted(before) == [f"s{number}.png" for number in range(5)]
    for name, mask in before.items():
        assert np.count_nonzero(mask == 1) > 1000
        np.testing.assert_array_equal(after[name], mask)
