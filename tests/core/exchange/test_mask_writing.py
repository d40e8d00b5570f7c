"""Masks are written so that they come back as they were, or not at all."""

import tracemalloc
from pathlib import Path

import cv2
import numpy as np
import pytest
import tifffile
from numpy.typing import NDArray

from unet_studio.core.classes import make_classes
from unet_studio.core.exchange.mask_reading import read_mask
from unet_studio.core.exchange.mask_writing import write_instances, write_mask, write_overlay, write_tiled_mask
from unet_studio.core.tiles import Box
from unet_studio.errors import MaskError, StudioError

NUMBERS = np.random.default_rng(0).integers(0, 4, (13, 17)).astype(np.uint8)


@pytest.mark.parametrize("name", ["mask.png", "mask.PNG", "mask.tif", "größe 切片 😐.tiff"])
def test_masks_come_back_as_they_were(tmp_path: Path, name: str) -> None:
    mask = NUMBERS.copy()
    mask[0] = 255
    path = tmp_path / "masks" / name
    write_mask(path, mask)
    np.testing.assert_array_equal(read_mask(path), mask)
    write_mask(path, mask, values="binary")
    np.testing.assert_array_equal(read_mask(path), np.where((mask > 0) & (mask < 255), 255, 0))


@pytest.mark.parametrize(("name", "most"), [("a.png", 65535), ("a.tif", 100_000)])
def test_instances_come_back_as_they_were(tmp_path: Path, name: str, most: int) -> None:
    numbers = np.random.default_rng(0).integers(0, most, (30, 40)).astype(np.int32)
    numbers[0, 0] = most
    write_instances(tmp_path / name, numbers)
    np.testing.assert_array_equal(read_mask(tmp_path / name), numbers)


def test_more_instances_than_a_png_can_number_are_refused(tmp_path: Path) -> None:
    with pytest.raises(MaskError, match=r"“?a\.png.* 65536 instances, .* only 65535\. Export them as TIFF\."):
        write_instances(tmp_path / "a.png", np.array([[65536]], np.int32))
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("shape", [(3, 20, 30), (2, 20, 3), (4, 3, 4)])
def test_planes_come_back_as_pages(tmp_path: Path, shape: tuple[int, ...]) -> None:
    planes = np.random.default_rng(0).integers(0, 4, shape).astype(np.uint8)
    write_mask(tmp_path / "mask.tif", planes)
    np.testing.assert_array_equal(read_mask(tmp_path / "mask.tif"), planes)


def test_tiff_knows_the_pixel_size_and_is_compressed(tmp_path: Path) -> None:
    write_mask(tmp_path / "mask.tif", np.zeros((500, 500), np.uint8), pixel_size_um=0.25)
    with tifffile.TiffFile(tmp_path / "mask.tif") as file:
        page = file.pages.first
        assert page.get_resolution(unit="micrometer") == pytest.approx((4, 4))
        assert page.tags["ResolutionUnit"].value == tifffile.RESUNIT.CENTIMETER
        assert page.compression == tifffile.COMPRESSION.ADOBE_DEFLATE
    assert (tmp_path / "mask.tif").stat().st_size < 5000


def test_what_cannot_be_written_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"can't be written as '\.png'"):
        write_mask(tmp_path / "mask.png", np.zeros((2, 8, 3), np.uint8))
    with pytest.raises(ValueError, match=r"\.png, \.tif or \.tiff"):
        write_mask(tmp_path / "mask.jpg", NUMBERS)
    with pytest.raises(ValueError, match="'index' or 'binary'"):
        write_mask(tmp_path / "mask.png", NUMBERS, values="instances")
    (tmp_path / "taken").write_bytes(b"")
    with pytest.raises(StudioError, match="could not be written"):
        write_mask(tmp_path / "taken" / "mask.png", NUMBERS)
    assert [file.name for file in tmp_path.iterdir()] == ["taken"]


def test_overlay_files_have_the_classes_colours(tmp_path: Path) -> None:
    mask = np.zeros((6, 8), np.uint8)
    mask[2:5, 2:5] = 2
    classes = make_classes("myelin", "axon")
    write_overlay(tmp_path / "sub" / "ü.png", np.zeros((6, 8, 3), np.uint8), mask, classes, opacity=1.0)
    data = np.frombuffer((tmp_path / "sub" / "ü.png").read_bytes(), np.uint8)
    found = cv2.cvtColor(cv2.imdecode(data, cv2.IMREAD_COLOR), cv2.COLOR_BGR2RGB)
    assert (found[mask == 2] == classes[2].colour).all()
    assert not found[mask == 0].any()


def test_a_mask_of_any_size_is_written_with_memory_that_follows_its_width(tmp_path: Path) -> None:
    shape = (40_000, 700)
    asked = []

    def read(box: Box) -> NDArray[np.uint8]:
        asked.append(box)
        return (np.add.outer(np.arange(box.y0, box.y1), np.arange(box.x0, box.x1)) // 100 % 3).astype(np.uint8)

    tracemalloc.start()
    write_tiled_mask(tmp_path / "large.tif", [read], shape, pixel_size_um=0.5)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 700 * 512 * 40
    assert max(box.height for box in asked) <= 512
    assert np.array_equal(read_mask(tmp_path / "large.tif"), read(Box(0, 0, *shape)))
