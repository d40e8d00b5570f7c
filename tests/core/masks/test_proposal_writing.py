"""A proposal is read back as it was written, from any strips or pieces, and an interrupted one leaves the old one."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from unet_studio.core.labels.plane import PlaneId
from unet_studio.core.masks.proposal_writing import write_growing, write_proposal
from unet_studio.core.masks.proposals import (
    Proposal,
    find_part,
    find_proposal,
    part_file,
    proposal_file,
    proposed_planes,
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


@st.composite
def proposals(draw: st.DrawFn) -> tuple[NDArray[np.uint8], list[int], int, Box]:
    """Probabilities, the rows where one strip ends and the next begins, a shrink, and a box at that shrink."""
    shape = draw(st.tuples(st.integers(1, 600), st.integers(1, 300), st.integers(1, 3)))
    cuts = sorted(draw(st.sets(st.integers(1, shape[0]), max_size=5)) | {shape[0]})
    shrink = draw(st.sampled_from([1, 2, 4, 16, 256]))
    height, width = (-(-side // shrink) for side in shape[:2])
    ys = sorted(draw(st.tuples(st.integers(0, height), st.integers(0, height))))
    xs = sorted(draw(st.tuples(st.integers(0, width), st.integers(0, width))))
    return noise(shape, draw(st.integers(0, 99))), cuts, shrink, Box(ys[0], xs[0], ys[1], xs[1])


@settings(max_examples=40)
@given(proposals())
def test_any_box_of_a_proposal_written_in_any_strips_is_read_back(
    tmp_path_factory: pytest.TempPathFactory, drawn: tuple[NDArray[np.uint8], list[int], int, Box]
) -> None:
    values, cuts, shrink, box = drawn
    place = tmp_path_factory.mktemp("project")
    strips = [(y0, values[y0:y1]) for y0, y1 in zip([0, *cuts], cuts, strict=False)]
    write_proposal(proposal_file(place, MODEL, PLANE), values.shape[:2], values.shape[2], strips, stamp="1-1")
    proposal = found(place)
    assert (*proposal.shape, proposal.channels) == values.shape
    np.testing.assert_array_equal(proposal.read(box, shrink=shrink), values[::shrink, ::shrink][box.slices])


@pytest.mark.parametrize("cuts", [[0, 100, 90], [10, 300], [0, 100]], ids=["overlap", "no start", "no end"])
def test_strips_that_do_not_cover_the_plane_are_refused(tmp_path: Path, cuts: list[int]) -> None:
    values = noise((300, 20, 1))
    strips = [(y0, values[y0 : y0 + 100]) for y0 in cuts]
    with pytest.raises(ValueError, match="strips"):
        write_proposal(proposal_file(tmp_path, MODEL, PLANE), (300, 20), 1, strips, stamp="1-1")
    assert find_proposal(tmp_path, MODEL, PLANE) is None


@pytest.mark.parametrize("error", [RuntimeError("the network failed"), KeyboardInterrupt()], ids=str)
def test_an_interrupted_proposal_leaves_the_old_one_and_no_rest(tmp_path: Path, error: BaseException) -> None:
    old = noise((300, 20, 1))
    file = write(tmp_path, old)

    def strips() -> Iterator[tuple[int, NDArray[np.uint8]]]:
        yield 0, noise((280, 20, 1), seed=1)
        raise error

    with pytest.raises(type(error)):
        write_proposal(file, (300, 20), 1, strips(), stamp="1-1")
    assert list(file.parent.iterdir()) == [file]
    np.testing.assert_array_equal(read_whole(tmp_path), old)


def test_a_second_proposal_takes_the_place_of_the_first(tmp_path: Path) -> None:
    write(tmp_path, noise((300, 20, 1)))
    write(tmp_path, noise((30, 400, 2), seed=1))
    np.testing.assert_array_equal(read_whole(tmp_path), noise((30, 400, 2), seed=1))


def test_the_rest_of_a_killed_attempt_does_no_harm(tmp_path: Path) -> None:
    file = proposal_file(tmp_path, MODEL, PLANE)
    file.parent.mkdir(parents=True)
    file.with_name(f"{file.name}.part").write_bytes(b"half")
    write(tmp_path, noise((30, 20, 1)))
    np.testing.assert_array_equal(read_whole(tmp_path), noise((30, 20, 1)))


def test_a_place_that_cannot_be_written_is_said(tmp_path: Path) -> None:
    (tmp_path / "proposals").write_text("in the way")
    with pytest.raises(ProjectError, match="could not be written"):
        write(tmp_path, noise((30, 20, 1)))


def grow(
    place: Path, values: NDArray[np.uint8], first: Box, pieces: Sequence[Box], *, stamp: str = "1-1"
) -> list[Proposal]:
    """Write a proposal from pieces; returns the parts that could be looked at meanwhile, each as it was then."""
    parts: list[Proposal] = []
    part = part_file(place, MODEL, PLANE)

    def keep() -> None:
        found = find_part(place, MODEL, PLANE, stamp=stamp)
        assert found is not None
        kept = place / f"{len(parts)}.view"
        kept.write_bytes(found.file.read_bytes())
        parts.append(replace(found, file=kept))

    file = proposal_file(place, MODEL, PLANE)
    written = ((box, values[box.slices]) for box in pieces)
    lent = (first, 255 - values[first.slices])  # nearly right, as what comes first is
    write_growing(file, part, values.shape[:2], lent, written, stamp=stamp, on_part=keep)
    return parts


@st.composite
def cuts(draw: st.DrawFn) -> tuple[tuple[int, int, int], list[Box]]:
    """A shape and the boxes that lines across cut it into, in any order."""
    shape = draw(st.tuples(st.integers(1, 900), st.integers(1, 700), st.integers(1, 2)))
    ys, xs = ([0, *sorted(draw(st.sets(st.integers(1, side - 1), max_size=4)) if side > 1 else []), side]
              for side in shape[:2])  # fmt: skip
    boxes = [Box(y0, x0, y1, x1) for y0, y1 in pairwise(ys) for x0, x1 in pairwise(xs)]
    return shape, draw(st.permutations(boxes))


@settings(max_examples=30)
@given(cuts())
def test_a_proposal_written_from_pieces_in_any_order_is_read_back(
    tmp_path_factory: pytest.TempPathFactory, drawn: tuple[tuple[int, int, int], list[Box]]
) -> None:
    shape, pieces = drawn
    place = tmp_path_factory.mktemp("project")
    grow(place, noise(shape), Box(0, 0, min(256, shape[0]), min(256, shape[1])), pieces)
    np.testing.assert_array_equal(read_whole(place), noise(shape))
    assert not found(place).partial


def test_what_comes_first_is_shown_and_then_each_doubling_of_it(tmp_path: Path) -> None:
    values, tiles = noise((1024, 1024, 1)), [tile_box((row, column)) for row in range(4) for column in range(4)]
    first = Box(512, 256, 768, 512)
    parts = grow(tmp_path, values, first, tiles)
    assert [sum(part.covers(box) for box in tiles) for part in parts] == [1, 2 + 1, 4 + 1, 8 + 1]
    assert all(part.partial and part.shape == (1024, 1024) for part in parts)
    seen = parts[1].read(Box(0, 0, 1024, 1024))
    expected = np.zeros_like(values)
    expected[:256, :512] = values[:256, :512]
    expected[first.slices] = 255 - values[first.slices]
    np.testing.assert_array_equal(seen, expected)
    np.testing.assert_array_equal(parts[1].read(Box(0, 0, 256, 256), shrink=4), expected[::4, ::4])
    np.testing.assert_array_equal(read_whole(tmp_path), values)


def test_a_part_knows_what_it_covers_and_a_whole_proposal_covers_all(tmp_path: Path) -> None:
    part = grow(tmp_path, noise((600, 900, 1)), Box(256, 512, 600, 768), [Box(0, 0, 600, 900)])[0]
    assert part.covers(Box(256, 512, 600, 768))
    assert part.covers(Box(599, 767, 600, 768))
    assert not part.covers(Box(599, 767, 600, 769))
    assert not part.covers(Box(255, 600, 300, 700))
    assert found(tmp_path).covers(Box(0, 0, 600, 900))
    part.file.unlink()
    with pytest.raises(ProjectError, match="Propose this slide again"):
        part.covers(Box(0, 0, 1, 1))


def test_a_part_is_never_taken_for_a_proposal(tmp_path: Path) -> None:
    def pieces() -> Iterator[tuple[Box, NDArray[np.uint8]]]:
        assert find_proposal(tmp_path, MODEL, PLANE) is None
        assert proposed_planes(tmp_path, MODEL) == frozenset()
        assert find_part(tmp_path, MODEL, PLANE, stamp="2-1") is None, "it is of another version of the slide"
        assert find_part(tmp_path, MODEL, PLANE, stamp="1-1") is not None
        raise RuntimeError("the network failed")
        yield

    first = (Box(0, 0, 256, 256), noise((256, 256, 1)))
    file, part = proposal_file(tmp_path, MODEL, PLANE), part_file(tmp_path, MODEL, PLANE)
    with pytest.raises(RuntimeError):
        write_growing(file, part, (300, 300), first, pieces(), stamp="1-1")
    assert list(file.parent.iterdir()) == [part]
    assert find_proposal(tmp_path, MODEL, PLANE) is None


@pytest.mark.parametrize(
    "pieces", [[Box(0, 0, 300, 299)], [Box(0, 0, 300, 200), Box(0, 100, 300, 300)]], ids=["a gap", "an overlap"]
)
def test_pieces_that_do_not_cover_the_plane_once_are_refused(tmp_path: Path, pieces: list[Box]) -> None:
    with pytest.raises(ValueError, match="pieces"):
        grow(tmp_path, noise((300, 300, 1)), Box(0, 0, 256, 256), pieces)
    assert find_proposal(tmp_path, MODEL, PLANE) is None


def test_a_part_that_cannot_be_renewed_waits_for_the_next_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    copied: list[object] = []

    def fail(*_: object) -> None:
        copied.append(None)
        raise PermissionError("somebody looks at it")

    monkeypatch.setattr("unet_studio.core.masks.proposal_writing.shutil.copyfile", fail)
    values = noise((1024, 1024, 1))
    assert grow(tmp_path, values, Box(0, 0, 256, 256), [Box(0, 0, 1024, 1024)]) == []
    assert len(copied) == 4
    np.testing.assert_array_equal(read_whole(tmp_path), values)
