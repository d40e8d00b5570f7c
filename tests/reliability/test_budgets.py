"""What a file claims is checked before memory is given for it, and what is counted is what reading it takes."""

import itertools
import json
import os
import struct
import subprocess
import sys
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile

from unet_studio.core.classes import make_classes
from unet_studio.core.exchange.importing import import_pairs
from unet_studio.core.exchange.pairs import paired
from unet_studio.core.project.store import Project
from unet_studio.core.slides.budget import MAX_BYTES
from unet_studio.core.slides.opening import open_slide

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="only Linux forgets a peak of memory when told")

_MOST_FOR_A_REFUSAL = 100 << 20
_SLACK = 4 << 20
_READING = """
import gc, json, resource, sys
from pathlib import Path
from unet_studio.core.exchange.mask_reading import read_mask
from unet_studio.core.figures.display import auto_display, read_small
from unet_studio.core.slides import budget
from unet_studio.core.slides.opening import open_slide
from unet_studio.errors import StudioError

resource.setrlimit(resource.RLIMIT_AS, (6 << 30, 6 << 30))

def look(path):
    with open_slide(path) as slide:
        auto_display(read_small(slide, 0))

def peak():
    status = Path("/proc/self/status").read_text()
    return next(int(line.split()[1]) << 10 for line in status.splitlines() if line.startswith("VmHWM"))

def reading(read, path, limit):
    budget.MAX_BYTES = limit
    gc.collect()
    Path("/proc/self/clear_refs").write_text("5")
    before, sentence = peak(), ""
    try:
        read(path)
    except StudioError as error:
        sentence = str(error)
    return peak() - before, sentence

usual = budget.MAX_BYTES
for how, file, example in json.loads(sys.argv[1]):
    read = {"look": look, "mask": read_mask}[how]
    if example:
        reading(read, Path(example), usual)  # so that all libraries are there
    took, sentence = reading(read, Path(file), usual)
    limited, refusal = reading(read, Path(file), took * 9 // 10) if example else (0, "")
    print(json.dumps([how, file, took, sentence, limited, refusal]), flush=True)
"""


@dataclass(frozen=True, slots=True)
class Reading:
    """What reading a file took in bytes, and the sentence with which it was refused; `limited` and `refusal` are the
    same where no more than nine tenths of `took` were allowed."""

    took: int
    sentence: str
    limited: int
    refusal: str


def read_all(todo: list[tuple[str, Path, Path | None]]) -> dict[tuple[str, Path], Reading]:
    """Read files as `look` or `mask`, each after a small example of its kind, in a process of its own."""
    asked = json.dumps([(how, str(file), str(example) if example else "") for how, file, example in todo])
    command = [sys.executable, "-c", _READING, asked]
    at_once = {**os.environ, "MALLOC_MMAP_THRESHOLD_": "65536"}  # given back at once, memory is counted once
    done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=250, env=at_once)
    answers = [json.loads(line) for line in done.stdout.splitlines()]
    return {(how, Path(file)): Reading(*facts) for how, file, *facts in answers}


def chunk(name: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + name + data + zlib.crc32(name + data).to_bytes(4, "big")


def png(file: Path, side: int, *, depth: int = 8, kind: int = 0, samples: int = 1, rows: int | None = None) -> Path:
    """A PNG of side × side zeros, `kind` 0 for grey, 2 for colours, 3 for a palette, 6 with alpha.

    It has all `rows` or, as is enough for one that is refused, a few.
    """
    row = bytes(1 + (side * depth * samples + 7) // 8)
    packing = zlib.compressobj(1)
    data = b"".join([*(packing.compress(row) for _ in range(side if rows is None else rows)), packing.flush()])
    header = chunk(b"IHDR", struct.pack(">IIBBBBB", side, side, depth, kind, 0, 0, 0))
    palette = chunk(b"PLTE", bytes(6)) if kind == 3 else b""
    file.write_bytes(b"\x89PNG\r\n\x1a\n" + header + palette + chunk(b"IDAT", data) + chunk(b"IEND", b""))
    return file


def tif(file: Path, pixels: np.ndarray[Any, Any], **how: Any) -> Path:
    tifffile.imwrite(file, pixels, **{"photometric": "minisblack", "compression": "zlib", "metadata": None, **how})
    return file


def sparse(file: Path, side: int, *, tile: int, samples: int = 1) -> Path:
    tiles = itertools.repeat(b"", (-(-side // tile)) ** 2)
    how = {"photometric": "rgb" if samples == 3 else "minisblack", "compression": "zlib", "bigtiff": True}
    shape = (side, side) if samples == 1 else (side, side, samples)
    tifffile.imwrite(file, tiles, shape=shape, dtype="u1", tile=(tile, tile), **how)
    return file


def pages(file: Path, number: int, *, versions: int = 0) -> Path:
    """A TIFF of so many pages of one pixel, each said to have so many smaller versions: the first page."""
    tags = [(256, 3, 1, 1), (257, 3, 1, 1), (258, 3, 1, 8), (259, 3, 1, 1), (262, 3, 1, 1), (273, 4, 1, 8),
            (277, 3, 1, 1), (278, 3, 1, 1), (279, 4, 1, 1)]  # fmt: skip
    size = 2 + 12 * (len(tags) + bool(versions)) + 4
    if versions:
        tags.append((330, 4, versions, 12 + number * size))
    table = struct.pack("<H", len(tags)) + b"".join(struct.pack("<HHII", *tag) for tag in tags)
    links = [12 + (index + 1) * size for index in range(number - 1)] + [0]
    chain = b"".join(table + struct.pack("<I", link) for link in links)
    file.write_bytes(b"II*\0" + struct.pack("<I", 12) + b"\7\0\0\0" + chain + struct.pack("<I", 12) * versions)
    return file


def ome(file: Path, *, sizes: str = "", data: str = "<TiffData/>", annotation: str = "") -> Path:
    """An OME-TIFF of one page of 4 × 4 pixels, of which the description claims more."""
    said = 'SizeX="4" SizeY="4" SizeC="1" SizeZ="1" SizeT="1"'
    for size in sizes.split():
        axis = size.split("=")[0]
        said = " ".join(size if part.startswith(axis) else part for part in said.split())
    text = f'<OME xmlns="http://www.openmicroscopy.org/Schemas/OME/2016-06">{annotation}<Image><Pixels Type="uint8" '
    text += f'DimensionOrder="XYZCT" {said}>{data}</Pixels></Image></OME>'
    return tif(file, np.zeros((4, 4), np.uint8), description=text, compression=None)


def too_high(file: Path) -> Path:
    """A TIFF of 70 rows in one strip that says that it has 2²⁴."""
    said, claimed = (struct.pack("<HHII", 257, 4, 1, rows) for rows in (70, 1 << 24))
    data = tif(file, np.zeros((70, 90), np.uint8)).read_bytes()
    assert said in data
    file.write_bytes(data.replace(said, claimed))
    return file


_ALONG = (
    '<StructuredAnnotations><XMLAnnotation ID="a" Namespace="openmicroscopy.org/omero/dimension/modulo"><Value>'
    '<Modulo><ModuloAlongT Type="phase" Start="0" End="1e9"/></Modulo></Value></XMLAnnotation></StructuredAnnotations>'
)
CLAIMS: dict[str, tuple[Callable[[Path], Path], str]] = {
    "sparse, 10⁶ × 10⁶": (
        lambda file: sparse(file, 1_000_000, tile=32_768), "1,000,000 × 1,000,000 pixels, more than the limit of 262,"
    ),
    "sparse, without smaller versions": (
        lambda file: sparse(file, 200_000, tile=16_384), "40 GB have to be decoded, more than the limit of 34.4 GB"
    ),
    "1-bit palette, 27,000²": (
        lambda file: png(file, 27_000, depth=1, kind=3, rows=9), "4.4 GB of memory in one piece, more than the limit"
    ),
    "1-bit palette, 46,000²": (lambda file: png(file, 46_000, depth=1, kind=3, rows=9), "12.7 GB of memory"),
    "1 bit, 46,000²": (lambda file: png(file, 46_000, depth=1, rows=9), "4.2 GB of memory in one piece"),
    "zeros, 50,000²": (lambda file: png(file, 50_000, rows=9), "3.3 GB of memory in one piece"),
    "65,535 channels": (
        lambda file: tif(file, np.zeros((20, 20, 65_535), np.uint8), planarconfig="contig"),
        "65,535 bytes, more than the limit of 2,048",
    ),
    "10⁹ planes": (lambda file: ome(file, sizes='SizeZ="999999999"'), "999,999,999 planes, more than the limit of 1,"),
    "10⁹ planes by a wide plane": (
        lambda file: ome(file, sizes='SizeX="900000000" SizeY="900"'), "of memory in one piece"
    ),
    "10⁹ planes by a part": (
        lambda file: ome(file, data='<TiffData IFD="0" PlaneCount="999999999"/>'), "999,999,999 planes"
    ),
    "10⁹ planes by another axis": (lambda file: ome(file, annotation=_ALONG), "1,000,000,000 planes"),
    "10⁵ pages": (lambda file: pages(file, 100_001), "more than 100,000 pages; export it as several files"),
    "10⁵ smaller versions": (lambda file: pages(file, 1, versions=100_000), "100,000 smaller versions of one page"),
    "too few strips": (too_high, "its table of contents is damaged"),
}  # fmt: skip


def test_what_a_small_file_claims_takes_no_memory(tmp_path: Path) -> None:
    files = {kind: make(tmp_path / f"{number}.tif") for number, (kind, (make, _)) in enumerate(CLAIMS.items())}
    found = read_all([(how, file, None) for how in ("look", "mask") for file in files.values()])
    for kind, (_, words) in CLAIMS.items():
        slide, mask = (found[how, files[kind]] for how in ("look", "mask"))
        assert slide.took < _MOST_FOR_A_REFUSAL, kind
        assert mask.took < (_MOST_FOR_A_REFUSAL if mask.sentence else MAX_BYTES), kind
        assert f"'{files[kind].name}' can't be read: " in slide.sentence, kind
        assert words in slide.sentence, kind
        assert mask.sentence or kind == "1-bit palette, 27,000²", "a byte a pixel, as a mask"


COUNTED: dict[str, Callable[[Path, int], Path]] = {
    "grey": png,
    "colours": lambda file, side: png(file, side, kind=2, samples=3),
    "colours and alpha": lambda file, side: png(file, side, kind=6, samples=4),
    "1 bit": lambda file, side: png(file, side, depth=1),
    "palette": lambda file, side: png(file, side, depth=1, kind=3),
    "16 bits": lambda file, side: png(file, side, depth=16),
    "16 bits, colours and alpha": lambda file, side: png(file, side, depth=16, kind=6, samples=4),
    "palette in a TIFF": lambda file, side: tif(
        file, np.zeros((side, side), np.uint8), photometric="palette", colormap=np.zeros((3, 256), np.uint16)
    ),
    "float64": lambda file, side: tif(file, np.zeros((side, side))),
    "turned": lambda file, side: tif(file, np.zeros((side, side), np.uint16), extratags=[(274, 3, 1, 6, True)]),
    "one strip": lambda file, side: tif(file, np.zeros((side, side), np.uint16), rowsperstrip=side),
    "axes in another order": lambda file, side: tif(
        file, np.zeros((4, side // 2, side // 2), np.uint16), metadata={"axes": "QYX"}, photometric="minisblack"
    ),
}  # fmt: skip


def test_what_reading_takes_is_what_was_counted(tmp_path: Path) -> None:
    todo: list[tuple[str, Path, Path | None]] = []
    for kind, make in COUNTED.items():
        file, example = make(tmp_path / f"{kind}.tif", 4000), make(tmp_path / f"{kind}, small.tif", 64)
        todo += [("look", file, example), ("mask", file, example)]
    found = read_all(todo)
    # Of what was freed before, some is used again and not seen; most files are.
    assert sum(reading.took > 15_000_000 for reading in found.values()) > len(found) // 2
    for (how, file), reading in found.items():
        assert not reading.sentence, (how, file.stem, reading)
        is_refused = "of memory in one piece, more than the limit of" in reading.refusal
        # Where there isn't memory for the usual way there may be another way that takes less.
        assert is_refused or reading.limited <= reading.took * 9 // 10 + _SLACK, (how, file.stem, reading)


def test_a_large_slide_without_pixels_is_looked_at_without_reading_all(tmp_path: Path) -> None:
    file = sparse(tmp_path / "a.tif", 100_000, tile=512, samples=3)
    reading = read_all([("look", file, None)])["look", file]
    assert not reading.sentence
    assert reading.took < 300 << 20
    with open_slide(file) as slide:
        assert not slide.read(0, slide.info.box(512), shrink=512).any()


def test_a_mask_that_takes_too_much_costs_its_own_slide_only(tmp_path: Path) -> None:
    slides, masks = tmp_path / "slides", tmp_path / "masks"
    slides.mkdir()
    masks.mkdir()
    for name in ("a.png", "b.png"):
        png(slides / name, 32)
    png(masks / "a.png", 50_000, rows=9)
    png(masks / "b.png", 32)
    with Project.open(slides) as project:
        project.set_classes(make_classes("cell"))
        outcomes = list(import_pairs(project, paired(slides, masks).pairs))
    found = {outcome.slide: outcome.problem for outcome in outcomes}
    assert "of memory in one piece" in found["a.png"] and "one channel of 8 bits" in found["a.png"]
    assert not found["b.png"]
