"""Finding the slides of a folder."""

import os
import sys
from pathlib import Path
from typing import Any

import pytest

from unet_studio.core.slides.finding import SUFFIXES, LeftOut, find_left_out, find_slides
from unet_studio.errors import SlideError


def make(folder: Path, *names: str) -> None:
    for name in names:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()


def link_folder(link: Path, target: Path) -> None:
    try:
        link.symlink_to(target, target_is_directory=True)
    except OSError:
        pytest.skip("this system doesn't let us make links")


def test_finds_every_kind_of_slide_whatever_the_case_of_its_ending(tmp_path: Path) -> None:
    names = {f"a{suffix}" for suffix in SUFFIXES} | {f"b{suffix.upper()}" for suffix in SUFFIXES}
    make(tmp_path, *names, "notes.txt", "table.csv", "png", "a.png.part")
    assert set(find_slides(tmp_path)) == names


def test_natural_order_part_by_part_ignoring_case(tmp_path: Path) -> None:
    names = ("Batch2/s10.png", "batch10/s1.png", "S2.png", "s10.png", "s1.png", "batch2b/s2.png", "s02.tif")
    make(tmp_path, *names)
    assert find_slides(tmp_path) == (
        "Batch2/s10.png",
        "batch2b/s2.png",
        "batch10/s1.png",
        "s1.png",
        "S2.png",
        "s02.tif",
        "s10.png",
    )


def test_leaves_out_hidden_files_hidden_folders_and_the_project(tmp_path: Path) -> None:
    make(
        tmp_path,
        "a.png",
        ".b.png",
        "._a.png",
        ".trash/c.png",
        "unet-studio/masks/a.png",
        "x/unet-studio/d.png",
        "x/e.png",
    )
    assert find_slides(tmp_path) == ("a.png", "x/e.png")


def test_a_folder_with_a_slides_ending_is_searched_as_a_folder(tmp_path: Path) -> None:
    make(tmp_path, "scan.tif/part.tif")
    assert find_slides(tmp_path) == ("scan.tif/part.tif",)


def test_names_of_any_alphabet(tmp_path: Path) -> None:
    make(tmp_path, "😐.png", "größe/切片 2.tif")
    assert set(find_slides(tmp_path)) == {"😐.png", "größe/切片 2.tif"}


def test_links_in_a_circle_end(tmp_path: Path) -> None:
    make(tmp_path, "a/one.png", "b/two.png")
    link_folder(tmp_path / "a" / "up", tmp_path)
    link_folder(tmp_path / "b" / "across", tmp_path / "a")
    assert find_slides(tmp_path) == ("a/one.png", "b/two.png")


def test_a_linked_folder_outside_is_searched_once(tmp_path: Path) -> None:
    make(tmp_path, "far/one.png", "near/two.png")
    link_folder(tmp_path / "near" / "l1", tmp_path / "far")
    link_folder(tmp_path / "near" / "l2", tmp_path / "far")
    found = find_slides(tmp_path / "near")
    assert len(found) == 2
    assert "two.png" in found


def test_a_broken_link_is_no_slide(tmp_path: Path) -> None:
    make(tmp_path, "a.png")
    link_folder(tmp_path / "gone.png", Path("nowhere/b.png"))
    link_folder(tmp_path / "circle.png", Path("circle.png"))
    assert find_slides(tmp_path) == ("a.png",)
    circle, gone = find_left_out(tmp_path)
    assert gone == LeftOut("gone.png", "it is a link to 'nowhere/b.png', which isn't there; mend the link or remove it")
    assert circle.path == "circle.png"
    assert "can't be followed" in circle.reason


@pytest.mark.skipif(sys.platform != "linux", reason="other systems let no such name be")
def test_a_name_that_is_no_text_costs_that_slide_or_folder_only(tmp_path: Path) -> None:
    make(tmp_path, "plain.png", os.fsdecode(b"caf\xe9.png"), os.fsdecode(b"f\xfcr/a.png"), os.fsdecode(b"\xff.txt"))
    assert find_slides(tmp_path) == ("plain.png",)
    assert [one.path for one in find_left_out(tmp_path)] == ["caf\\xe9.png", "f\\xfcr"]
    assert all("isn't UTF-8" in one.reason for one in find_left_out(tmp_path))


def test_what_systems_and_network_drives_keep_for_themselves_is_passed_over(tmp_path: Path) -> None:
    make(tmp_path, "s0.png", "@eaDir/s0.png/SYNOPHOTO_THUMB_M.jpg", "$RECYCLE.BIN/$R1.png", "__MACOSX/s0.png")
    make(tmp_path, "sub/#recycle/a.png", "System Volume Information/a.tif", ".Trash-1000/files/a.png", "@new/b.png")
    assert find_slides(tmp_path) == ("@new/b.png", "s0.png")
    assert find_left_out(tmp_path) == ()


@pytest.mark.parametrize(
    ("name", "words"),
    [("missing", "There is no folder"), ("a.txt", "is a file"), ("empty", "no slides.*\\.png.*\\.svs")],
)
def test_what_is_no_folder_of_slides_is_explained(tmp_path: Path, name: str, words: str) -> None:
    make(tmp_path, "a.txt", "empty/readme.md")
    with pytest.raises(SlideError, match=words):
        find_slides(tmp_path / name)


@pytest.mark.skipif(os.name == "nt" or (hasattr(os, "geteuid") and os.geteuid() == 0), reason="everything may be read")
def test_a_locked_folder_is_left_out_and_a_locked_root_explained(tmp_path: Path) -> None:
    make(tmp_path, "a.png", "locked/b.png")
    (tmp_path / "locked").chmod(0)
    try:
        assert find_slides(tmp_path) == ("a.png",)
        with pytest.raises(SlideError, match="can't be opened"):
            find_slides(tmp_path / "locked")
    finally:
        (tmp_path / "locked").chmod(0o700)


def test_each_folder_is_read_once_and_no_file_is_asked_for_by_itself(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """So that ten thousand slides are listed in no time, also on a network drive."""
    for plate in range(20):
        (tmp_path / f"plate{plate}").mkdir()
        for i in range(50):
            (tmp_path / f"plate{plate}" / f"well_{i}_site{i % 7}.tif").touch()
    scan, ask = os.scandir, Path.stat
    read: list[Path] = []
    asked: list[Path] = []

    def spy_on_scan(folder: Path) -> Any:
        read.append(folder)
        return scan(folder)

    def spy_on_stat(path: Path, **options: Any) -> os.stat_result:
        asked.append(path)
        return ask(path, **options)

    monkeypatch.setattr(os, "scandir", spy_on_scan)
    monkeypatch.setattr(Path, "stat", spy_on_stat)
    assert len(find_slides(tmp_path)) == 1000
    folders = [tmp_path, *(tmp_path / f"plate{plate}" for plate in range(20))]
    assert sorted(read) == sorted(asked) == sorted(folders)
