"""Each slide of a data set gets its own mask, whatever the names and the folders; what has no partner is named."""

from pathlib import Path
from random import Random

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from unet_studio.core.classes import make_classes
from unet_studio.core.exchange.importing import Outcome, import_pairs
from unet_studio.core.exchange.kept_masks import keep_masks
from unet_studio.core.exchange.pairs import Pair, Pairing, find_pairs, pair_up, paired
from unet_studio.core.labels.plane import PlaneId
from unet_studio.core.project.store import Project
from unet_studio.core.tiles import Box
from unet_studio.errors import MaskError, SlideError

NAMES = st.lists(st.text("aB7_-", min_size=1, max_size=6), min_size=2, max_size=9, unique_by=str.lower)


def touch(folder: Path, *names: str) -> Path:
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).touch()
    return folder


def found(folder: Path, masks: Path | None = None) -> dict[str, str]:
    """The masks' paths in the folder by their slides'."""
    return {pair.slide: pair.mask.relative_to(folder).as_posix() for pair in find_pairs(folder, masks)}


@pytest.mark.parametrize(
    ("slide", "mask"),
    [
        ("image/0.png", "label/0.png"),
        ("images/a.jpg", "masks/a.png"),
        ("images/a.b.JPG", "annotations/a.b.png"),
        ("images/training/ADE_train_1.jpg", "annotations/training/ADE_train_1.png"),
        ("Tile 1/images/p1.jpg", "Tile 1/masks/p1.png"),
        ("Images/a.tif", "Labels/a_mask.png"),
        ("images/a.tif", "masks/a.tif.png"),
        ("a.png", "a_mask.png"),
        ("sub/a.jpg", "sub/a-labels.png"),
        ("größe 1.tif", "größe 1 SEG.tif"),
    ],
)
def test_a_mask_is_found_in_a_parallel_folder_or_beside_its_slide(tmp_path: Path, slide: str, mask: str) -> None:
    assert found(touch(tmp_path, slide, mask)) == {slide: mask}


def test_slides_of_the_same_name_in_different_folders_keep_their_own_masks(tmp_path: Path) -> None:
    touch(tmp_path, "images/training/1.jpg", "images/validation/1.jpg")
    touch(tmp_path, "annotations/validation/1.png", "annotations/training/1.png")
    assert found(tmp_path) == {
        "images/training/1.jpg": "annotations/training/1.png",
        "images/validation/1.jpg": "annotations/validation/1.png",
    }


def test_folders_of_other_names_do_not_count_beside_parallel_ones(tmp_path: Path) -> None:
    touch(tmp_path, "images/0.png", "masks/0.png", "test_images/1.png", "masks_colour/0.png", "readme_mask.png")
    assert found(tmp_path) == {"images/0.png": "masks/0.png"}


def test_the_folder_of_the_masks_can_be_said(tmp_path: Path) -> None:
    touch(tmp_path, "images/0.png", "masks/0.png", "masks_index/0.png", "second/0.png")
    assert found(tmp_path, tmp_path / "masks_index") == {"images/0.png": "masks_index/0.png"}
    flat, elsewhere = touch(tmp_path / "flat", "0.png", "sub/1.png"), touch(tmp_path / "other", "0.tif", "sub/1.tif")
    assert find_pairs(flat, elsewhere) == (
        Pair("0.png", elsewhere / "0.tif"), Pair("sub/1.png", elsewhere / "sub" / "1.tif"),
    )  # fmt: skip


@settings(max_examples=40, deadline=None)
@given(NAMES, st.randoms(use_true_random=False))
def test_pairs_never_cross(tmp_path_factory: pytest.TempPathFactory, names: list[str], random: Random) -> None:
    """Whatever the order in which the files come, of folders as of names: the content of each file is its name."""
    folder = tmp_path_factory.mktemp("set")
    files = [*((f"images/{name}.jpg", name) for name in names), *((f"labels/{name}.png", name) for name in names)]
    random.shuffle(files)
    for file, content in files:
        touch(folder, file)
        (folder / file).write_text(content)
    pairs = find_pairs(folder)
    assert {(folder / pair.slide).read_text() for pair in pairs} == set(names)
    assert all((folder / pair.slide).read_text() == pair.mask.read_text() for pair in pairs)


def test_slides_come_in_natural_order(tmp_path: Path) -> None:
    touch(tmp_path, *(f"image/{number}.png" for number in range(12)), *(f"label/{number}.png" for number in range(12)))
    assert [pair.mask.stem for pair in find_pairs(tmp_path)] == [str(number) for number in range(12)]


def test_the_reviewed_slides_of_a_project_are_paired_with_the_masks_it_keeps(project: Project) -> None:
    (project.folder / "masks").mkdir()
    for name in ("a.png", "sub/c.png"):
        file = project.folder / "masks" / Path(name).name
        cv2.imwrite(str(file), np.ones((64, 64), np.uint8))
        assert list(import_pairs(project, [Pair(name, file)])) == [Outcome(name)]
        file.unlink()
    (project.folder / "masks").rmdir()
    keep_masks(project, [PlaneId("a.png"), PlaneId("sub/c.png")])
    kept = project.place / "masks"
    assert find_pairs(project.folder) == (Pair("a.png", kept / "a.png"), Pair("sub/c.png", kept / "sub" / "c.png"))


# What can't be paired


def test_slides_and_masks_without_a_partner_are_named(tmp_path: Path) -> None:
    touch(tmp_path, "images/a.png", "images/b.png", "masks/b.png", "masks/c.png")
    with pytest.raises(MaskError, match=r"Slides without a mask: images/a.png\. Masks without a slide: masks/c.png\."):
        find_pairs(tmp_path)


def test_of_many_only_some_are_named(tmp_path: Path) -> None:
    touch(tmp_path, "images/x.png", "masks/x.png", *(f"images/{number}.png" for number in range(9)))
    with pytest.raises(MaskError, match=r"images/4\.png and 4 more\. Give each its partner"):
        find_pairs(tmp_path)


def test_two_masks_for_one_slide_are_named(tmp_path: Path) -> None:
    touch(tmp_path, "images/a.png", "masks/a.png", "labels/a.png")
    with pytest.raises(MaskError, match=r"'labels/a\.png' and 'masks/a\.png' could both be the mask of one pair"):
        find_pairs(tmp_path)


def test_two_slides_for_one_mask_are_named(tmp_path: Path) -> None:
    touch(tmp_path, "a.png", "a.jpg", "a_mask.png")
    with pytest.raises(MaskError, match="could both be the slide of one pair"):
        find_pairs(tmp_path)


def test_a_folder_without_any_pair_says_how_masks_are_found(tmp_path: Path) -> None:
    with pytest.raises(MaskError, match=r"such as images and masks, or beside their slides, such as a\.png and a_mask"):
        find_pairs(touch(tmp_path, "a.png", "b.png"))
    with pytest.raises(SlideError, match="There are no slides"):
        find_pairs(touch(tmp_path / "empty", "notes.txt"))


def test_a_mask_of_another_size_is_named_when_it_is_imported(project: Project, tmp_path: Path) -> None:
    mask = tmp_path / "masks" / "a_mask.png"
    mask.parent.mkdir()
    cv2.imwrite(str(mask), np.zeros((30, 40), np.uint8))
    (outcome,) = import_pairs(project, [Pair("a.png", mask)])
    assert "The mask 'a_mask.png' is 40 × 30 pixels, but its slide 'a.png' is 64 × 64 pixels" in outcome.problem


def test_each_slide_gets_the_labels_of_its_own_mask(tmp_path: Path) -> None:
    """Not those of the first mask for all, which scores well enough to go unnoticed."""
    for number in range(12):
        for kind in ("image", "label"):
            (tmp_path / kind).mkdir(exist_ok=True)
            cv2.imwrite(str(tmp_path / kind / f"{number}.png"), np.full((20, 30), number, np.uint8))
    with Project.open(tmp_path, place=tmp_path / "kept elsewhere") as project:
        project.set_classes(make_classes(*(f"class {number}" for number in range(1, 12))))
        assert not any(outcome.problem for outcome in import_pairs(project, find_pairs(tmp_path)))
        for number in range(12):
            labels = project.labels(PlaneId(f"image/{number}.png"), (20, 30)).read(Box(0, 0, 20, 30))
            assert (labels == number).all()


# Masks of slides, not all of which have one


def matched(tmp_path: Path, slides: tuple[str, ...], masks: tuple[str, ...]) -> Pairing:
    return pair_up(touch(tmp_path / "a", *slides), touch(tmp_path / "b", *masks))


@pytest.mark.parametrize(
    ("slide", "mask"),
    [
        ("a.tif", "a.png"),
        ("a.tif", "a.tiff"),
        ("a.tif", "a.tif.png"),
        ("a.png", "a.PNG"),
        ("A.svs", "a.bmp"),
        ("sub/a.png", "sub/a_mask.png"),
        ("images/a.png", "masks/a.png"),
        ("gr\u00f6\u00dfe.png", "gro\u0308\u00dfe.png"),
        ("gro\u0308\u00dfe.png", "gr\u00f6\u00dfe.tif"),
    ],
)
def test_a_mask_is_found_by_its_slides_name(tmp_path: Path, slide: str, mask: str) -> None:
    assert matched(tmp_path, (slide,), (mask,)) == Pairing((Pair(slide, tmp_path / "b" / mask),), (), (), ())


def test_what_has_no_partner_is_listed_on_both_sides(tmp_path: Path) -> None:
    pairing = matched(tmp_path, ("S0.png", "S1.png", "S2.png", "S3.png"), ("S0.png", "S1.PNG", "S2_mask.png", "x.png"))
    assert [pair.slide for pair in pairing.pairs] == ["S0.png", "S1.png", "S2.png"]
    assert (pairing.slides, pairing.masks) == (("S3.png",), ("x.png",))


def test_the_closest_name_wins_and_the_other_mask_is_left_over(tmp_path: Path) -> None:
    pairing = matched(tmp_path, ("a.tif", "a.png", "b.png"), ("a.tif.png", "a.png.png", "b.png", "b_mask.png"))
    assert {pair.slide: pair.mask.name for pair in pairing.pairs} == {
        "a.tif": "a.tif.png", "a.png": "a.png.png", "b.png": "b.png",
    }  # fmt: skip
    assert pairing.masks == ("b_mask.png",)


def test_two_masks_of_one_slide_cost_that_slide_only(tmp_path: Path) -> None:
    pairing = matched(tmp_path, ("a.jpg", "b.png"), ("a.png", "a.tif", "b.png"))
    assert [pair.slide for pair in pairing.pairs] == ["b.png"]
    ((slide, sentence),) = pairing.clashes
    assert slide == "a.jpg"
    assert "'a.png' and 'a.tif' could both be the mask" in sentence
    assert (pairing.slides, pairing.masks) == ((), ())


def test_a_folder_of_masks_may_lie_in_that_of_the_slides_around_it_or_be_the_same(tmp_path: Path) -> None:
    touch(tmp_path, "a.png", "masks/a.png")
    assert pair_up(tmp_path, tmp_path / "masks") == Pairing((Pair("a.png", tmp_path / "masks" / "a.png"),), (), (), ())
    touch(tmp_path / "set", "slides/a.png", "a.png")
    assert paired(tmp_path / "set" / "slides", tmp_path / "set").masks == ()
    same = touch(tmp_path / "same", "a.png", "a_mask.png")
    assert pair_up(same, same) == Pairing((Pair("a.png", same / "a_mask.png"),), (), (), ())


def test_no_pair_at_all_is_refused(tmp_path: Path) -> None:
    with pytest.raises(MaskError, match="has the name of a slide"):
        paired(touch(tmp_path / "a", "a.png"), touch(tmp_path / "b", "b.png"))


class TestPages:
    """Masks of single planes, as an export in PNG writes them."""

    def pages(self, folder: Path) -> dict[str, list[tuple[int, str]]]:
        pairing = pair_up(folder / "slides", folder / "masks")
        return {pair.slide: [(number, file.name) for number, file in pair.pages] for pair in pairing.pairs}

    def test_all_of_a_stack_are_found_in_the_order_of_its_planes(self, tmp_path: Path) -> None:
        touch(tmp_path, "slides/a.tif", "slides/sub/b.tif", "slides/c.tif")
        touch(tmp_path, "masks/a_p0010.png", "masks/A_p0002.png", "masks/sub/b_p0001.png", "masks/c.png")
        assert self.pages(tmp_path) == {
            "a.tif": [(1, "A_p0002.png"), (9, "a_p0010.png")], "sub/b.tif": [(0, "b_p0001.png")], "c.tif": [],
        }  # fmt: skip

    def test_a_slide_that_has_a_whole_mask_takes_no_page(self, tmp_path: Path) -> None:
        touch(tmp_path, "slides/a.tif", "masks/a.tif", "masks/a_p0001.png")
        pairing = pair_up(tmp_path / "slides", tmp_path / "masks")
        assert [pair.pages for pair in pairing.pairs] == [()]
        assert pairing.masks == ("a_p0001.png",)

    def test_slides_that_share_a_stem_are_told_apart_by_their_endings(self, tmp_path: Path) -> None:
        touch(tmp_path, "slides/a.tif", "slides/a.png", "masks/a.tif_p0001.png", "masks/a.png_p0001.png")
        assert self.pages(tmp_path) == {"a.png": [(0, "a.png_p0001.png")], "a.tif": [(0, "a.tif_p0001.png")]}

    def test_a_page_that_could_be_of_two_slides_is_of_none(self, tmp_path: Path) -> None:
        touch(tmp_path, "slides/a.tif", "slides/a.png", "slides/b.tif", "masks/a_p0001.png", "masks/b.png")
        pairing = pair_up(tmp_path / "slides", tmp_path / "masks")
        assert [pair.slide for pair in pairing.pairs] == ["b.tif"]
        assert pairing.masks == ("a_p0001.png",)

    def test_a_name_without_a_number_of_a_plane_is_no_page(self, tmp_path: Path) -> None:
        touch(tmp_path, "slides/a.tif", "slides/b.tif", "masks/a_p0000.png", "masks/a_p1.png", "masks/b.png")
        assert self.pages(tmp_path) == {"b.tif": []}
