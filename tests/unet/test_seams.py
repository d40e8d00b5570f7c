"""A large real slide has no seams: tiled and in one piece the network proposes the same."""

from pathlib import Path

import numpy as np
import pytest

from unet_studio.core.models.cards import find_model
from unet_studio.core.slides.opening import open_slide
from unet_studio.core.tiles import Box
from unet_studio.unet import prediction
from unet_studio.unet.prediction import Predictor
from unet_studio.unet.weights import architecture_of, load_network

SLIDE = Path(__file__).resolve().parents[3] / "shared" / "data" / "wsi" / "TCGA-CR-7395-01A-01-TS1.svs"


@pytest.mark.skipif(not SLIDE.is_file(), reason="the whole-slide images aren't here")
def test_tiles_of_a_real_slide_meet_without_a_seam(monkeypatch: pytest.MonkeyPatch) -> None:
    card = find_model("nuclei-histology", None)
    with open_slide(SLIDE) as reader:
        assert (reader.info.height, reader.info.width) == (3567, 4443)
        pixels = card.normalisation.apply(
            reader.read(0, Box(1200, 1500, 2224, 2524)), card.normalisation.measure(reader, 0)
        )
    predictor = Predictor(load_network(card), architecture_of(card))
    tiled = predictor.probabilities(pixels)[..., 0].astype(int)
    monkeypatch.setattr(prediction, "TILE", 1024)
    whole = predictor.probabilities(pixels)[..., 0].astype(int)
    assert 0.02 < (whole > 127).mean() < 0.9, "there is something to cut through"
    difference = np.abs(tiled - whole)
    assert ((tiled > 127) != (whole > 127)).mean() < 0.002
    assert difference.mean() < 1.0  # of 255
    # A seam is a step along a whole line: no row or column may differ much more than the others.
    assert difference.mean(axis=0).max() < 6
    assert difference.mean(axis=1).max() < 6
