"""A proposal is never found half, stale or damaged, and becomes the classes that its probabilities mean."""

import os
import sqlite3
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from numpy.typing import NDArray

from unet_studio.core.labels.plane import PlaneId
from unet_studio.core.masks.proposal_writing import write_proposal
from unet_studio.core.masks.proposals import (
    Proposal,
    _unpacked_tiles,
    find_proposal,
    proposal_file,
    proposed_planes,
    read_proposal,
    slide_stamp,
    to_mask,
)
from unet_studio.core.tiles import Box, tile_box
from unet_studio.errors import ProjectError

PLANE = PlaneId("sub/slide.tif", 3)
MODEL = "nuclei"


def noise(shape: tuple[int, ...], seed: int = 0) -> NDArray[np.uint8]:
    return np.random.default_rng(seed).integers(0, 256, shape, dtype=np.uint8)


def write(place: Path, values: NDArray[np.uint8], *, stamp: str = "1-1", plane: PlaneId = PLANE) -> Path:
    file = proposal_file(place, MODEL, plane)
    write_proposal(file, values.shape[:2], values.shape[2], [(0, values)], stamp=stamp)
    return file


def found(place: Path, *, stamp: str | None = None) -> Proposal:
    proposal = find_proposal(place, MODEL, PLANE, stamp=stamp)
    assert proposal is not None
    return proposal


def read_whole(place: Path) -> NDArray[np.uint8]:
    proposal = found(place)
    return proposal.read(Box.of_shape(proposal.shape))


def damage(file: Path, sql: str) -> None:
    with sqlite3.connect(file) as connection:
        connection.execute(sql)
    connection.close()


# Writing and reading


# Finding


def test_there_is_no_proposal_before_one_is_written_nor_of_another_model(tmp_path: Path) -> None:
    assert find_proposal(tmp_path, MODEL, PLANE) is None
    write(tmp_path, noise((30, 20, 1)))
    assert find_proposal(tmp_path, "other", PLANE) is None
    assert find_proposal(tmp_path, "", PLANE) is None
    assert find_proposal(tmp_path, MODEL, PlaneId(PLANE.slide, 4)) is None


def test_a_proposal_of_another_version_of_the_slide_is_not_found(tmp_path: Path) -> None:
    slide = tmp_path / "slide.png"
    slide.write_bytes(b"first")
    write(tmp_path, noise((30, 20, 1)), stamp=slide_stamp(slide))
    assert find_proposal(tmp_path, MODEL, PLANE, stamp=slide_stamp(slide)) is not None
    slide.write_bytes(b"second version")
    assert find_proposal(tmp_path, MODEL, PLANE, stamp=slide_stamp(slide)) is None


def test_a_proposal_knows_whether_it_was_averaged_over_flips(tmp_path: Path) -> None:
    file = proposal_file(tmp_path, MODEL, PLANE)
    for flips in (True, False):
        write_proposal(file, (30, 20), 1, [(0, noise((30, 20, 1)))], stamp="1-1", flips=flips)
        assert found(tmp_path).flips is flips


def test_a_copy_of_a_slide_with_new_times_is_the_same_slide_and_other_content_another(tmp_path: Path) -> None:
    slide, copy = tmp_path / "a.tif", tmp_path / "copy.tif"
    slide.write_bytes(b"slide" * 1000)
    copy.write_bytes(slide.read_bytes())
    os.utime(copy, ns=(1, 1))
    write(tmp_path, noise((30, 20, 1)), stamp=slide_stamp(slide))
    assert find_proposal(tmp_path, MODEL, PLANE, stamp=slide_stamp(copy)) is not None
    copy.write_bytes(b"slide" * 999 + b"slidE")
    assert find_proposal(tmp_path, MODEL, PLANE, stamp=slide_stamp(copy)) is None


@pytest.mark.parametrize(
    "at", [0, 1000, (64 << 20) - 1, (64 << 20) // 63 + 100], ids=["first", "near", "last", "between"]
)
def test_a_large_slide_is_known_by_its_size_and_some_of_its_bytes(tmp_path: Path, at: int) -> None:
    slide = tmp_path / "large.tif"
    with slide.open("wb") as file:
        file.truncate(64 << 20)
    before = slide_stamp(slide).split()[0]
    with slide.open("r+b") as file:
        file.seek(at)
        file.write(b"!")
    os.utime(slide, ns=(1, 1))
    assert slide_stamp(slide).split()[0] != before
    with slide.open("r+b") as file:
        file.truncate((64 << 20) + 1)
    os.utime(slide, ns=(2, 2))
    assert slide_stamp(slide).split()[0] != before


def test_a_proposal_that_knows_its_slide_by_its_time_of_change_counts_while_that_is_the_same(tmp_path: Path) -> None:
    slide = tmp_path / "a.tif"
    slide.write_bytes(b"slide")
    write(tmp_path, noise((30, 20, 1)), stamp=f"{slide.stat().st_size}-{slide.stat().st_mtime_ns}")
    assert find_proposal(tmp_path, MODEL, PLANE, stamp=slide_stamp(slide)) is not None
    os.utime(slide, ns=(1, 1))
    assert find_proposal(tmp_path, MODEL, PLANE, stamp=slide_stamp(slide)) is None


def test_proposals_with_the_same_tiles_are_the_same_and_others_are_not(tmp_path: Path) -> None:
    write(tmp_path, noise((300, 20, 1)))
    first = found(tmp_path).id
    write(tmp_path, noise((300, 20, 1)), stamp="2-2")
    assert found(tmp_path).id == first
    write(tmp_path, noise((300, 20, 1), seed=1))
    assert found(tmp_path).id.model == first.model
    assert found(tmp_path).id != first


def test_a_proposal_of_an_earlier_version_of_the_program_is_found(tmp_path: Path) -> None:
    file = write(tmp_path, noise((30, 20, 1)))
    damage(file, "ALTER TABLE proposal DROP COLUMN version")
    without_version = found(tmp_path, stamp="1-1")
    damage(file, "ALTER TABLE proposal DROP COLUMN flips")
    assert without_version.version, "its content tells it from others"
    copy = tmp_path / "copy"
    copy.write_bytes(file.read_bytes())
    assert read_proposal(copy, MODEL).version == found(tmp_path).version != without_version.version
    assert not found(tmp_path, stamp="1-1").flips
    np.testing.assert_array_equal(read_whole(tmp_path), noise((30, 20, 1)))


@pytest.mark.parametrize("content", [b"", b"no database" * 100], ids=["empty", "text"])
def test_a_file_that_is_no_proposal_counts_as_none(tmp_path: Path, content: bytes) -> None:
    file = write(tmp_path, noise((30, 20, 1)))
    file.write_bytes(content)
    assert find_proposal(tmp_path, MODEL, PLANE) is None


@pytest.mark.parametrize(
    "sql", ["UPDATE tile SET data = x'00112233'", "UPDATE tile SET data = NULL", "DELETE FROM tile", "DROP TABLE tile"]
)
def test_a_damaged_tile_is_said_with_what_to_do(tmp_path: Path, sql: str) -> None:
    file = write(tmp_path, noise((30, 20, 1)))
    damage(file, sql)
    with pytest.raises(ProjectError, match="Propose this slide again"):
        read_whole(tmp_path)


def test_a_cache_deleted_while_it_is_shown_is_said_with_what_to_do(tmp_path: Path) -> None:
    proposal = Proposal(write(tmp_path, noise((30, 20, 1))), (30, 20), 1)
    proposal.file.unlink()
    with pytest.raises(ProjectError, match="Propose this slide again"):
        proposal.read(Box(0, 0, 30, 20))


def test_unpacked_tiles_stay_in_memory_up_to_some_bytes(tmp_path: Path) -> None:
    values = np.repeat(np.arange(40, dtype=np.uint8), 256)[:, None, None]  # 40 tiles of 2.6 MB, one below the other
    write(tmp_path, np.broadcast_to(values, (40 * 256, 256, 40)))
    proposal = found(tmp_path)
    for _ in range(2):
        for row in range(40):
            assert (proposal.read(tile_box((row, 0))) == row).all()
    assert _unpacked_tiles.total <= 64 << 20


def test_the_planes_with_a_proposal_are_listed_by_model(tmp_path: Path) -> None:
    planes = {PLANE, PlaneId("a#1 50%?.png"), PlaneId("größe/切片.png", 12)}
    for plane in planes:
        write(tmp_path, noise((30, 20, 1)), plane=plane)
    assert proposed_planes(tmp_path, MODEL) == planes
    assert proposed_planes(tmp_path, "other") == frozenset()
    assert proposed_planes(tmp_path, "") == frozenset()


def test_odd_names_of_slides_are_read_like_any_other(tmp_path: Path) -> None:
    plane = PlaneId("größe/a#1 50%?.png")
    write(tmp_path, noise((30, 20, 1)), plane=plane)
    proposal = find_proposal(tmp_path, MODEL, plane)
    assert proposal is not None
    np.testing.assert_array_equal(proposal.read(Box(0, 0, 30, 20)), noise((30, 20, 1)))


# From probabilities to classes


@given(hnp.arrays(np.uint8, (4, 5, 1)), st.integers(1, 999).map(lambda thousandths: thousandths / 1000))
def test_of_two_classes_the_foreground_is_what_exceeds_the_threshold(
    probabilities: NDArray[np.uint8], threshold: float
) -> None:
    exceeds = probabilities[..., 0].astype(int) * 1000 > round(threshold * 1000) * 255
    np.testing.assert_array_equal(to_mask(probabilities, threshold), exceeds)


@given(hnp.arrays(np.uint8, (4, 5, 3)))
def test_at_one_half_the_likeliest_of_all_classes_wins(weights: NDArray[np.uint8]) -> None:
    probabilities = weights // 3  # together at most 1, as a softmax has it
    background = 255 - probabilities.sum(axis=2, dtype=int)
    odds = np.concatenate([background[..., None], probabilities.astype(int)], axis=2)
    best_two = np.sort(odds, axis=2)[..., -2:]
    is_tie = best_two[..., 0] == best_two[..., 1]
    mask = to_mask(probabilities)
    np.testing.assert_array_equal(mask[~is_tie], odds.argmax(axis=2)[~is_tie])


@given(hnp.arrays(np.uint8, (4, 5, 3)), st.floats(0.05, 0.95), st.floats(0.05, 0.95))
def test_a_higher_threshold_only_takes_pixels_away(weights: NDArray[np.uint8], first: float, second: float) -> None:
    low, high = sorted((first, second))
    wide, narrow = to_mask(weights // 3, low), to_mask(weights // 3, high)
    np.testing.assert_array_equal(narrow, np.where(narrow > 0, wide, 0))


@pytest.mark.parametrize("channels", [1, 2])
def test_one_level_over_one_half_is_foreground_and_one_level_under_is_background(channels: int) -> None:
    probabilities = np.zeros((1, 2, channels), np.uint8)
    probabilities[0, :, 0] = 127, 128
    assert to_mask(probabilities).tolist() == [[0, 1]]


# A part that grows
