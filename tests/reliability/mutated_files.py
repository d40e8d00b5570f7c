"""A process that reads files with bytes changed: `python mutated_files.py KIND COUNT SEED FOLDER`.

Each is a StudioError or can be read; the one that is being read lies in FOLDER, so that it is there after a crash. Says
at the end how many there were of each, and the most memory it took.
"""

import random
import sys
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import tifffile
from PIL import Image

from unet_studio.core.classes import make_classes
from unet_studio.core.exchange.mask_reading import read_mask
from unet_studio.core.masks.proposal_writing import write_proposal
from unet_studio.core.masks.proposals import read_proposal
from unet_studio.core.models.cards import CARD, ModelCard, read_card
from unet_studio.core.models.normalisation import Normalisation
from unet_studio.core.slides.opening import open_slide
from unet_studio.core.tiles import Box
from unet_studio.errors import StudioError
from unet_studio.protocol.messages import Finished, Happened, decode, encode
from unet_studio.protocol.values import PlaneProposed, Proposed
from unet_studio.unet.recipes import load_recipe

SIDE = 300


@dataclass(frozen=True)
class Kind:
    """A file that makes sense, what it is called, and how it is read."""

    name: str
    make: Callable[[Path], None]
    read: Callable[[Path], object]


def picture(*shape: int, most: int = 256) -> np.ndarray:
    return np.random.default_rng(0).integers(0, most, shape or (SIDE, SIDE), dtype=np.uint8)


def smooth() -> np.ndarray:
    y, x = np.mgrid[:SIDE, :SIDE]
    return np.stack([x % 256, y % 256, (x + y) % 256], axis=-1).astype(np.uint8)


def save(image: np.ndarray, **options: object) -> Callable[[Path], None]:
    return lambda file: Image.fromarray(image).save(file, **options)


def save_tiff(image: np.ndarray, **options: object) -> Callable[[Path], None]:
    return lambda file: tifffile.imwrite(file, image, **options)


def save_palette(file: Path) -> None:
    image = Image.fromarray(picture(most=3), mode="P")
    image.putpalette([0, 0, 0, 255, 0, 0, 0, 255, 0])
    image.save(file)


def see(file: Path) -> None:
    with open_slide(file) as slide:
        for plane in range(min(slide.info.planes, 3)):
            for shrink in (1, 4):
                slide.read(plane, slide.info.box(shrink).intersect(Box(0, 0, SIDE, SIDE)), shrink=shrink)


def save_proposal(file: Path) -> None:
    write_proposal(file, (SIDE, SIDE), 2, [(0, picture(256, SIDE, 2)), (256, picture(SIDE - 256, SIDE, 2))], stamp="s")


def see_proposal(file: Path) -> None:
    proposal = read_proposal(file, "model")
    if proposal is not None:
        proposal.read(Box(0, 0, SIDE, SIDE))


def save_card(file: Path) -> None:
    ModelCard(
        "x", "X", make_classes("cell"), Normalisation(1), {"name": "r"}, file.parent, scores={"dice": 0.5}
    ).write()


def save_lines(file: Path) -> None:
    file.write_bytes(encode(Happened(3, PlaneProposed("a.png", 0, "m"))) + encode(Finished(3, Proposed("m", 1))))


def decode_lines(file: Path) -> None:
    for line in BytesIO(file.read_bytes()):
        decode(line)


def copy_recipe(file: Path) -> None:
    recipe = Path(__file__).parents[2] / "training" / "recipes" / "retrain.toml"
    file.write_bytes(recipe.read_bytes())


KINDS = {
    "png": Kind("a.png", save(picture(SIDE, SIDE, 3)), see),
    "palette": Kind("a.png", save_palette, see),
    "jpeg": Kind("a.jpg", save(smooth(), quality=90), see),
    "bmp": Kind("a.bmp", save(smooth()), see),
    "tiff": Kind("a.tif", save_tiff(picture(3, SIDE, SIDE), photometric="minisblack", compression="lzw"), see),
    "tiled": Kind("a.tif", save_tiff(smooth(), photometric="rgb", tile=(64, 64), compression="jpeg"), see),
    "ome": Kind("a.ome.tif", save_tiff(picture(2, 2, SIDE, SIDE), metadata={"axes": "ZCYX"}), see),
    "mask-png": Kind("a.png", save(picture(most=3)), read_mask),
    "mask-palette": Kind("a.png", save_palette, read_mask),
    "mask-tiff": Kind("a.tif", save_tiff(picture(most=3).astype(np.uint16), compression="zlib"), read_mask),
    "proposal": Kind("00000.tiles", save_proposal, see_proposal),
    "card": Kind(CARD, save_card, lambda file: read_card(file.parent)),
    "recipe": Kind("r.toml", copy_recipe, lambda file: load_recipe(str(file))),
    "line": Kind("lines", save_lines, decode_lines),
}


def mutate(content: bytes, rng: random.Random) -> bytes:
    """Some bytes changed, cut off, repeated or put in, most often near the beginning, where the facts are."""
    changed = bytearray(content)
    for _ in range(rng.choice((1, 1, 2, 5, 20))):
        reach = rng.choice((64, 512, len(changed), len(changed)))
        at = rng.randrange(max(1, min(reach, len(changed))))
        match rng.randrange(7):
            case 0:
                changed[at : at + 1] = bytes([rng.randrange(256)])
            case 1:
                changed[at : at + 4] = rng.choice((b"\xff\xff\xff\xff", b"\x00\x00\x00\x00", b"\x7f\xff\xff\xff"))
            case 2:
                changed[at : at + 1] = bytes([changed[at] ^ 1 << rng.randrange(8)]) if changed else b""
            case 3:
                del changed[at : at + rng.randrange(1, 40)]
            case 4:
                changed[at:at] = rng.randbytes(rng.randrange(1, 40))
            case 5:
                changed[at:at] = changed[at : at + rng.randrange(1, 200)]
            case _:
                if rng.random() < 0.3:
                    del changed[at:]
    return bytes(changed)


def main() -> None:
    kind, count, seed, place = KINDS[sys.argv[1]], int(sys.argv[2]), int(sys.argv[3]), Path(sys.argv[4])
    with TemporaryDirectory() as folder:
        good = Path(folder) / kind.name
        kind.make(good)
        kind.read(good)  # it does make sense
        content = good.read_bytes()
    file, outcomes = place / kind.name, Counter[str]()
    for number in range(count):
        file.write_bytes(mutate(content, random.Random(f"{seed}-{number}")))
        try:
            kind.read(file)
        except StudioError as error:
            outcomes["refused"] += 1
            assert str(error).strip(), "it says nothing"
        else:
            outcomes["read"] += 1
    # Not what `getrusage` says, which begins with the memory of the process that started this one.
    status = Path("/proc/self/status").read_text(encoding="utf-8")
    peak = int(status.partition("VmHWM:")[2].split()[0]) // 1024
    print(outcomes["refused"], outcomes["read"], peak)  # noqa: T201


if __name__ == "__main__":
    main()
