"""Opening real slides, many of them awkward, if they are there."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile
from numpy.typing import NDArray

from unet_studio.core.slides.finding import find_slides
from unet_studio.core.slides.opening import open_slide
from unet_studio.core.tiles import Box

DATA = Path(__file__).parents[4] / "shared" / "data"
pytestmark = pytest.mark.skipif(not DATA.is_dir(), reason="the folder of real slides isn't there")

# A slide that breaks its reader may take the process along: it mustn't be ours.
SWEEP = """
import json, resource, sys
from pathlib import Path
resource.setrlimit(resource.RLIMIT_AS, (4 * 2**30, 4 * 2**30))
from unet_studio.core.slides.opening import open_slide
from unet_studio.core.slides.finding import find_slides
from unet_studio.errors import SlideError

def look(path):
    with open_slide(path) as slide:
        for plane in {0, slide.info.planes - 1}:
            for shrink in (1, 2, 16):
                pixels = slide.read(plane, slide.info.box(shrink), shrink=shrink)
                assert pixels.shape == (*slide.info.box(shrink).shape, slide.info.channels), pixels.shape
                assert pixels.dtype == slide.info.dtype and pixels.dtype.isnative, pixels.dtype
        return [slide.info.planes, slide.info.height, slide.info.width, slide.info.channels, str(slide.info.dtype)]

results = {}
for name in find_slides(Path(sys.argv[1])):
    try:
        results[name] = look(Path(sys.argv[1]) / name)
    except SlideError as error:
        results[name] = str(error)
json.dump(results, sys.stdout)
"""


@pytest.fixture(scope="module")
def odd() -> dict[str, Any]:
    """For every odd slide its planes, height, width, channels and dtype, or the sentence with which it's refused."""
    pytest.importorskip("resource")
    folder = DATA / "odd"
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", SWEEP, folder], capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    results: dict[str, Any] = json.loads(done.stdout)
    return results


def whole(path: Path, plane: int = 0, *, shrink: int = 1) -> NDArray[Any]:
    with open_slide(path) as slide:
        return slide.read(plane, slide.info.box(shrink), shrink=shrink)


def test_every_odd_slide_opens_or_says_why_not(odd: dict[str, Any]) -> None:
    assert len(odd) > 100
    refused = {name: result for name, result in odd.items() if isinstance(result, str)}
    assert all(sentence.startswith(f"'{Path(name).name}' can't be read: ") for name, sentence in refused.items())
    # Outdated compressions, YCbCr without JPEG, CIE Lab, and one that is damaged.
    assert {Path(name).stem for name in refused} == {
        *("off_l16", "off_luv24", "text", "dscf0013", "smallliz", "ycbcr-cat", "zackthecat"),
        *("hopper.Lab", "lab", "tiff_overflow_rows_per_strip"),
    }


@pytest.mark.parametrize(
    ("name", "info"),
    [
        ("png/basn6a16.png", [1, 32, 32, 3, "uint16"]),
        ("png/uncompressed_la.png", [1, 128, 128, 1, "uint8"]),
        ("png/tbbn3p08.png", [1, 32, 32, 3, "uint8"]),
        ("png/1bit.tif", [1, 4, 256, 1, "uint8"]),
        ("jpeg_exif_rotated/6.jpg", [1, 308, 231, 3, "uint8"]),
        ("pyramids_unicode_names/😐.svs", [1, 16, 16, 3, "uint8"]),
        ("tiff_pillow/g4_orientation_6.tif", [1, 88, 590, 1, "uint8"]),
        ("tiff_pillow/separate_planar_extra_samples.tiff", [1, 50, 50, 2, "float32"]),
        ("tiff_pillow/total-pages-zero.tif", [3, 2156, 1728, 1, "uint8"]),
        ("tiff_libtiffpic/caspian.tif", [1, 220, 279, 3, "float32"]),
    ],
)
def test_odd_slides_are_what_they_are(odd: dict[str, Any], name: str, info: list[Any]) -> None:
    assert odd[name] == info


@pytest.mark.parametrize("kind", ["rgb", "separated"])
@pytest.mark.parametrize("bits", ["08", "16"])
def test_the_same_flower_in_either_layout(kind: str, bits: str) -> None:
    folder = DATA / "odd" / "tiff_depth"
    contiguous, planar = (whole(folder / f"flower-{kind}-{layout}-{bits}.tif") for layout in ("contig", "planar"))
    np.testing.assert_array_equal(contiguous, planar)


def test_the_same_flower_at_every_depth() -> None:
    eight = whole(DATA / "odd" / "tiff_depth" / "flower-minisblack-08.tif").astype(float)
    for bits in (2, 4, 6, 10, 12, 14, 16, 24, 32):
        pixels = whole(DATA / "odd" / "tiff_depth" / f"flower-minisblack-{bits:02}.tif").astype(float)
        assert np.abs(pixels / (2**bits - 1) - eight / 255).max() < 1 / (2 ** min(bits, 8) - 1)


def test_a_poster_in_tiles_is_the_poster_in_strips() -> None:
    folder = DATA / "odd" / "tiff_libtiffpic"
    np.testing.assert_array_equal(whole(folder / "cramps-tile.tif"), whole(folder / "cramps.tif"))


@pytest.mark.parametrize(
    ("name", "pixel_size_um"), [("CMU-1-Small-Region.svs", 0.499), ("TCGA-CR-7395-01A-01-TS1.svs", None)]
)
def test_parts_of_whole_slide_images(name: str, pixel_size_um: float | None) -> None:
    path = DATA / "wsi" / name
    everything = tifffile.imread(path, series=0)
    with open_slide(path) as slide:
        assert (slide.info.height, slide.info.width, slide.info.channels) == everything.shape
        assert slide.info.pixel_size_um == pixel_size_um
        for y, x in ((0, 0), (1000, 777), (slide.info.height - 300, slide.info.width - 300)):
            box = Box(y, x, y + 300, x + 300)
            np.testing.assert_array_equal(slide.read(0, box), everything[box.slices])
        small = slide.read(0, slide.info.box(4), shrink=4)
        even = everything[: everything.shape[0] // 4 * 4, : everything.shape[1] // 4 * 4].astype(float)
        means = even.reshape(even.shape[0] // 4, 4, -1, 4, 3).mean((1, 3))
        assert np.abs(small[: len(means), : means.shape[1]] - means).mean() < 3


def test_every_stack_opens_and_keeps_its_values() -> None:
    for name in find_slides(DATA / "stacks_sparse"):
        path = DATA / "stacks_sparse" / name
        with open_slide(path) as slide:
            pixels = [slide.read(plane, slide.info.box()) for plane in range(slide.info.planes)]
        if path.suffix == ".tif":
            assert np.array(pixels).astype(float).sum() == tifffile.imread(path).astype(float).sum(), name


@pytest.mark.parametrize(
    ("name", "planes", "channels", "pixel_size_um"),
    [
        ("stardist/img3d.tif", 31, 1, None),
        ("bia_notebooks/membrane_2d_timelapse.tif", 5, 1, None),
        ("bia_notebooks/hela-cells.tif", 1, 3, 0.0515),
        ("ome/multi-channel-z-series.ome.tif", 5, 3, None),
    ],
)
def test_stacks(name: str, planes: int, channels: int, pixel_size_um: float | None) -> None:
    with open_slide(DATA / "stacks_sparse" / name) as slide:
        assert (slide.info.planes, slide.info.channels) == (planes, channels)
        assert slide.info.pixel_size_um == (pixel_size_um and pytest.approx(pixel_size_um, abs=1e-4))
