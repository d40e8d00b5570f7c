"""How fast other runtimes propose on the CPU, beside the TensorFlow that the program uses, and whether they agree.

    uv run --with openvino --with nncf --with onnxruntime --with onnx --with tf2onnx \\
        python tests/benchmarks/runtimes.py [--data FOLDER] [--repeats N] [--json]

Those that are not installed are left out. All run the starter network through the program's own `Predictor` on two
threads: the same tiles, batches and blending. Speeds are of a 2048 × 2048 slide. In each repeat all runtimes take
turns, each after a float32 product of two 2048 × 2048 matrices, and the best of the repeats counts. `--data` is the
folder of the slides and masks that the starter comes from: int8 is calibrated on some that its training saw, and the
Dice is of those that it never saw.
"""

import argparse
import json
import os
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import redirect_stdout
from dataclasses import asdict, dataclass
from importlib.util import find_spec
from pathlib import Path
from types import SimpleNamespace
from typing import Any

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ["CUDA_VISIBLE_DEVICES"] = "-1"
os.environ["OPENBLAS_NUM_THREADS"] = "2"

import keras
import numpy as np
import tensorflow as tf
from engine import STARTER, Stopwatch, convolution_flops, make_slide, product_rate, propose_all
from numpy.typing import NDArray

from unet_studio.core.exchange.mask_reading import read_mask
from unet_studio.core.exchange.mask_values import to_classes
from unet_studio.core.exchange.pairs import pair_up
from unet_studio.core.labels.plane import PlaneId
from unet_studio.core.masks.proposals import find_proposal, to_mask
from unet_studio.core.models.cards import ModelCard, find_model
from unet_studio.core.scoring.scores import count
from unet_studio.core.slides.opening import open_slide
from unet_studio.core.tiles import Box
from unet_studio.unet.device import fastest_policy
from unet_studio.unet.prediction import Predictor
from unet_studio.unet.proposing import Proposer
from unet_studio.unet.weights import architecture_of, load_network

Batch = NDArray[np.float32]
"""Network input (n, h, w, channels), or probabilities (n, h, w, classes - 1)."""
Predict = Callable[[Batch], Batch]

THREADS = int(os.environ["OPENBLAS_NUM_THREADS"])
"""Of each runtime, and of the matrix product."""
DATA = Path(__file__).resolve().parents[3] / "shared" / "data" / "dsb_fluo_dev"
CALIBRATION = 16
"""Slides that int8 takes the ranges of its activations from."""
CALIBRATION_SIDE = 256
PRESENT = f"TensorFlow {fastest_policy().removeprefix('mixed_')}"
PLAIN = "TensorFlow float32"


@dataclass(frozen=True, slots=True)
class Row:
    """What was measured of one runtime.

    `first_s` is from loading the model, with export and calibration, to the first proposal; `times_` is how often a
    proposal is ready in the time of one of TensorFlow's. `differs` is the share of pixels that are unlike float32's.
    """

    runtime: str
    network_s: float
    network_to_product: float
    end_to_end_s: float
    times_present: float
    times_float32: float
    first_s: float
    dice: float
    dice_change: float
    differs: float


def onnx_float32(model: keras.Model, calibration: Batch, folder: Path) -> Predict:
    return _onnx_session(_onnx_file(model, folder))


def onnx_int8(model: keras.Model, calibration: Batch, folder: Path) -> Predict:
    """Static quantisation, a scale for each channel of a kernel."""
    from onnxruntime import quantization
    from onnxruntime.quantization.shape_inference import quant_pre_process

    class Reader(quantization.CalibrationDataReader):  # type: ignore[misc]
        feeds = iter([{"pixels": pixels[None]} for pixels in calibration])

        def get_next(self) -> dict[str, Batch] | None:
            return next(self.feeds, None)

    plain, prepared, quantised = _onnx_file(model, folder), folder / "prepared.onnx", folder / "int8.onnx"
    quant_pre_process(plain, prepared, skip_symbolic_shape=True)  # that needs SymPy
    unsigned = quantization.QuantType.QUInt8  # signed kernels and unsigned activations are what VNNI multiplies
    quantization.quantize_static(prepared, quantised, Reader(), per_channel=True, activation_type=unsigned)
    return _onnx_session(quantised)


def _onnx_file(model: keras.Model, folder: Path) -> Path:
    file = folder / "plain.onnx"
    signature = [keras.InputSpec("float32", model.input_shape, name="pixels")]
    model.export(str(file), format="onnx", verbose=False, input_signature=signature)
    return file


def _onnx_session(file: Path) -> Predict:
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = THREADS
    session = onnxruntime.InferenceSession(file, options, providers=["CPUExecutionProvider"])
    return lambda pixels: session.run(None, {"pixels": pixels})[0]


def openvino_float32(model: keras.Model, calibration: Batch, folder: Path) -> Predict:
    return _openvino_compiled(_openvino_model(model, folder), "f32")


def openvino_bfloat16(model: keras.Model, calibration: Batch, folder: Path) -> Predict:
    return _openvino_compiled(_openvino_model(model, folder), "bf16")


def openvino_int8(model: keras.Model, calibration: Batch, folder: Path) -> Predict:
    """Quantised after training by NNCF; what stays in floating point is float32."""
    import nncf

    quantised = nncf.quantize(
        _openvino_model(model, folder), nncf.Dataset([pixels[None] for pixels in calibration]), subset_size=CALIBRATION
    )
    return _openvino_compiled(quantised, "f32")


def _openvino_model(model: keras.Model, folder: Path) -> Any:
    import openvino

    file = folder / "plain.xml"
    model.export(str(file), format="openvino", verbose=False)
    return openvino.Core().read_model(file)


def _openvino_compiled(model: Any, precision: str) -> Predict:
    """Compiled for each shape on its own, since OpenVINO is slower with one that may change."""
    import openvino

    core = openvino.Core()
    settings = {"INFERENCE_NUM_THREADS": THREADS, "PERFORMANCE_HINT": "LATENCY", "INFERENCE_PRECISION_HINT": precision}
    compiled: dict[tuple[int, ...], Any] = {}

    def predict(pixels: Batch) -> Batch:
        if pixels.shape not in compiled:
            fixed = model.clone()
            fixed.reshape(list(pixels.shape))
            compiled[pixels.shape] = core.compile_model(fixed, "CPU", settings)
        probabilities: Batch = compiled[pixels.shape](pixels, share_inputs=True)[0]
        return probabilities

    return predict


OTHERS: dict[str, tuple[tuple[str, ...], Callable[[keras.Model, Batch, Path], Predict]]] = {
    "ONNX Runtime float32": (("onnxruntime", "onnx", "tf2onnx"), onnx_float32),
    "ONNX Runtime int8": (("onnxruntime", "onnx", "tf2onnx"), onnx_int8),
    "OpenVINO float32": (("openvino",), openvino_float32),
    "OpenVINO bfloat16": (("openvino",), openvino_bfloat16),
    "OpenVINO int8": (("openvino", "nncf"), openvino_int8),
}
"""Each with the packages that it needs."""


def installed(card: ModelCard, slides: Sequence[Path]) -> Iterator[tuple[str, Proposer]]:
    """A proposer for each runtime that is installed; int8 is calibrated on `slides`."""
    yield PRESENT, Proposer(card)
    if PRESENT != PLAIN:
        yield PLAIN, plain_proposer(card)
    calibration = np.stack([corner(card, slide) for slide in slides])
    for name, (packages, make) in OTHERS.items():
        if missing := [package for package in packages if find_spec(package) is None]:
            print(f"{name} is left out; to have it: uv run --with " + " --with ".join(missing), file=sys.stderr)
            continue
        proposer = plain_proposer(card)
        with tempfile.TemporaryDirectory() as folder, redirect_stdout(sys.stderr):
            predict = make(proposer._predictor._model, calibration, Path(folder))
        proposer._predictor._model = SimpleNamespace(predict_on_batch=predict)
        yield name, proposer


def plain_proposer(card: ModelCard) -> Proposer:
    """One in float32 on any CPU."""
    proposer = Proposer(card)
    proposer._predictor = Predictor(load_network(card), architecture_of(card), temperature=card.temperature)
    return proposer


def corner(card: ModelCard, slide: Path) -> Batch:
    """The network's input (h, w, channels) for a corner of a slide."""
    with open_slide(slide) as reader:
        return card.normalisation.reading(reader, 0)(Box(0, 0, CALIBRATION_SIDE, CALIBRATION_SIDE))


def judged(proposer: Proposer, slides: Sequence[Path], masks: Path) -> tuple[float, NDArray[np.uint8]]:
    """The Dice pooled over the slides, and all pixels of their masks in a row."""
    truths, found = [], []
    files = {pair.slide: pair.mask for pair in pair_up(slides[0].parent, masks).pairs}
    with tempfile.TemporaryDirectory() as place:
        for slide in slides:
            propose_all(proposer, slide, Path(place))
            proposal = find_proposal(Path(place), STARTER, PlaneId(slide.name))
            assert proposal
            truths.append(to_classes(read_mask(files[slide.name]), classes=2, foreground="nonzero").ravel())
            found.append(to_mask(proposal.read(Box.of_shape(proposal.shape))).ravel())
    mask = np.concatenate(found)
    return count(np.concatenate(truths), mask, 2).mean_dice, mask


def best_of(
    repeats: int, proposers: dict[str, Proposer], slide: Path, place: Path
) -> tuple[dict[str, float], dict[str, float], float]:
    """The fewest seconds of each network and of each whole proposal, and the most FLOP/s of a matrix product."""
    network, whole, product = dict.fromkeys(proposers, np.inf), dict.fromkeys(proposers, np.inf), 0.0
    for _ in range(repeats):
        for name, proposer in proposers.items():
            product = max(product, product_rate())
            watch = Stopwatch()
            started = time.perf_counter()
            with watch.on(proposer._predictor._model, "predict_on_batch"):
                propose_all(proposer, slide, place)
            whole[name] = min(whole[name], time.perf_counter() - started)
            network[name] = min(network[name], sum(watch.seconds))
    return network, whole, product


def measure(data: Path, folder: Path, repeats: int) -> list[Row]:
    card = find_model(STARTER, None)
    slides = sorted((data / "images").iterdir())
    unseen = [slide for slide in slides if slide.name in card.scores["dice_by_slide"]]
    seen = [slide for slide in slides if slide not in unseen]
    large = make_slide(folder / "slide.tif", 2048, 2048)
    proposers, first = {}, {}
    started = time.perf_counter()
    for name, proposer in installed(card, seen[:CALIBRATION]):
        propose_all(proposer, large, folder)
        proposers[name], first[name] = proposer, time.perf_counter() - started
        started = time.perf_counter()
    network, whole, product = best_of(repeats, proposers, large, folder)
    judgements = {name: judged(proposer, unseen, data / "masks") for name, proposer in proposers.items()}
    plain_dice, plain_mask = judgements[PLAIN]
    grid = proposers[PLAIN]._predictor._grid((2048, 2048))
    flops = len(grid.y.starts) * len(grid.x.starts) * convolution_flops(load_network(card), grid.y.side)
    return [
        Row(
            runtime=name,
            network_s=network[name],
            network_to_product=flops / network[name] / product,
            end_to_end_s=whole[name],
            times_present=whole[PRESENT] / whole[name],
            times_float32=whole[PLAIN] / whole[name],
            first_s=first[name],
            dice=dice,
            dice_change=dice - plain_dice,
            differs=float(np.mean(mask != plain_mask)),
        )
        for name, (dice, mask) in judgements.items()
    ]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=DATA, help="a folder with 'images' and 'masks'")
    parser.add_argument("--repeats", type=int, default=9)
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    options = parser.parse_args()
    if not (options.data / "images").is_dir():
        raise SystemExit(f"There is no folder '{options.data / 'images'}'. Name one with --data.")
    tf.config.threading.set_intra_op_parallelism_threads(THREADS)
    with tempfile.TemporaryDirectory() as folder:
        rows = measure(options.data, Path(folder), options.repeats)
    if options.json:
        print(json.dumps({"threads": THREADS, "present": PRESENT, "results": [asdict(row) for row in rows]}))
        return
    print(
        f"{'':22} {'network':>9} {'÷ product':>9} {'whole':>8} {'× ' + PRESENT.split()[1]:>10} {'× float32':>9}"
        f" {'first':>7} {'Dice':>7} {'change':>8} {'differs':>9}"
    )
    for row in rows:
        print(
            f"{row.runtime:22} {row.network_s:7.2f} s {row.network_to_product:9.2f} {row.end_to_end_s:6.2f} s"
            f" {row.times_present:10.2f} {row.times_float32:9.2f} {row.first_s:5.0f} s {row.dice:7.4f}"
            f" {row.dice_change:+8.4f} {row.differs:9.3%}"
        )


if __name__ == "__main__":
    main()
