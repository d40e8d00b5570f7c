"""How long the steps of the loop take on this machine, beside a fixed piece of work of the same kind.

    uv run python tests/benchmarks/loop.py [--json]

Ratios compare across machines; milliseconds don't. The fixed work is a NumPy copy of 64 MiB ("copy") and a float32
matrix product of 2048 × 2048 ("product").
"""

import argparse
import json
import os
import statistics
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import reduce
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")

import cv2
import numpy as np

from unet_studio.core.cleaning.steps import Step
from unet_studio.core.editing.strokes import Stroke
from unet_studio.core.labels.plane import LabelPlane, PlaneId, PlaneState
from unet_studio.core.masks.mask_view import MaskView
from unet_studio.core.masks.proposal_writing import write_proposal
from unet_studio.core.masks.proposals import find_proposal, proposal_file
from unet_studio.core.models.cards import bundled_models
from unet_studio.core.project.store import Project
from unet_studio.core.slides.finding import find_slides
from unet_studio.core.tiles import TILE, Box, cells_over, tile_box
from unet_studio.core.workspace.workspace import Workspace

VIEWS = ((780, 608), (1000, 1600))  # what is in view at 1:1, (h, w): a window of 1280 × 800, and a large one


def median_ms(work: Callable[[], object], repeats: int = 9) -> float:
    work()
    times = []
    for _ in range(repeats):
        start = time.perf_counter()
        work()
        times.append(time.perf_counter() - start)
    return statistics.median(times) * 1000


def fixed_work() -> dict[str, float]:
    source = np.ones(64 << 20, np.uint8)
    matrix = np.ones((2048, 2048), np.float32)
    return {"copy": median_ms(source.copy), "product": median_ms(lambda: matrix @ matrix, 3)}


def clean_up_preview(folder: Path, height: int, width: int) -> float:
    """The slowest usual recipe, for all tiles in view, as the canvas asks for them."""
    rng = np.random.default_rng(0)
    shape = (2048, 2048)
    spots = cv2.GaussianBlur(rng.random(shape, np.float32), (0, 0), 6)
    probability = (np.clip((spots - spots.mean()) / spots.std() * 0.3 + 0.5, 0, 1) * 255).astype(np.uint8)
    file = proposal_file(folder, "model", PlaneId("slide"))
    write_proposal(file, shape, 1, [(0, probability[..., None])], stamp="")
    proposal = find_proposal(folder, "model", PlaneId("slide"))
    steps = (Step("open", 2), Step("close", 2), Step("fill-holes", 64), Step("remove-small", 64))
    view = MaskView(LabelPlane(shape), proposal, 0.5, steps)
    cells = [tile_box(cell) for cell in cells_over(Box(100, 100, 100 + height, 100 + width))]
    halves = [reduce(Box.union, part) for part in (cells[: len(cells) // 2], cells[len(cells) // 2 :])]
    with ThreadPoolExecutor(2) as pool:
        return median_ms(lambda: list(pool.map(view.cleaned, halves)))


def list_slides(folder: Path) -> float:
    """10,000 files: find them, and open their project."""
    many = folder / "many"
    many.mkdir()
    encoded = cv2.imencode(".png", np.zeros((8, 8), np.uint8))[1].tobytes()
    for number in range(10_000):
        (many / f"slide{number}.png").write_bytes(encoded)
    assert len(find_slides(many)) == 10_000

    def open_and_close() -> None:
        Workspace.open(many).close()

    return median_ms(open_and_close, 3)


def stroke_write(folder: Path) -> float:
    """One stroke of 40 px, from its release until SQLite has it."""
    place = folder / "painted"
    place.mkdir()
    labels = LabelPlane((16384, 16384))
    rng = np.random.default_rng(0)
    times = []
    with Project.open(place) as project:
        for number in range(1, 60):
            y, x = rng.uniform(100, 16000, 2)
            stroke = Stroke(labels, PlaneId("slide"), value=1, radius=20)
            for step in range(20):
                stroke.extend((float(y), float(x + 4 * step)))
            edit = stroke.finish("brush", state=PlaneState.CORRECTED)
            assert edit is not None
            start = time.perf_counter()
            project.record(number, edit, labels.shape)
            times.append(time.perf_counter() - start)
    return statistics.median(times) * 1000


def propose_512() -> dict[str, float]:
    """A proposal of 512 × 512 with each starter model, the network and the blending."""
    from unet_studio.unet.prediction import Predictor
    from unet_studio.unet.weights import architecture_of, load_network

    found = {}
    for card in bundled_models():
        predictor = Predictor(load_network(card), architecture_of(card))
        pixels = np.random.default_rng(0).random((512, 512, card.normalisation.channels), np.float32)
        found[card.id] = median_ms(lambda predictor=predictor, pixels=pixels: predictor.probabilities(pixels), 5)
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    options = parser.parse_args()
    fixed = fixed_work()
    rows: list[tuple[str, float, str, float]] = []

    def add(what: str, ms: float, unit: str) -> None:
        rows.append((what, ms, unit, ms / fixed[unit]))

    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        for height, width in VIEWS:
            preview = clean_up_preview(folder, height, width)
            add(f"clean-up preview, {width} × {height} in view, four steps", preview, "copy")
        add("open a folder of 10,000 slides", list_slides(folder), "copy")
        add("write one stroke on a 16384² slide", stroke_write(folder), "copy")
    for model, ms in propose_512().items():
        add(f"propose 512 × 512, {model}", ms, "product")
    if options.json:
        result = [{"what": w, "ms": round(ms, 2), "unit": unit, "ratio": round(r, 3)} for w, ms, unit, r in rows]
        print(json.dumps({"fixed_ms": fixed, "tile": TILE, "results": result}))
        return
    print(f"fixed work: copy of 64 MiB {fixed['copy']:.1f} ms, product 2048³ {fixed['product']:.1f} ms\n")
    print(f"{'what':58} {'ms':>9} {'× fixed work':>20}")
    for what, ms, unit, ratio in rows:
        print(f"{what:58} {ms:9.1f} {ratio:12.2f} {unit}")


if __name__ == "__main__":
    main()
