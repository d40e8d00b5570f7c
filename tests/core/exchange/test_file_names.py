"""Exported files are named after their slides, and no two share a name."""

from hypothesis import given
from hypothesis import strategies as st

from unet_studio.core.exchange.file_names import export_names


def test_only_names_that_would_collide_keep_their_ending() -> None:
    slides = ["sub/a.tif", "a.tif", "b.png", "B.tif", "c.ome.tif", "s.tif", "s_p0003.tif", "t_p0003.tif"]
    assert export_names(slides) == {
        "sub/a.tif": "sub/a", "a.tif": "a", "b.png": "b.png", "B.tif": "B.tif", "c.ome.tif": "c.ome",
        "s.tif": "s", "s_p0003.tif": "s_p0003.tif", "t_p0003.tif": "t_p0003",
    }  # fmt: skip


def test_a_kept_ending_that_is_anothers_name_makes_that_one_keep_its_own() -> None:
    assert export_names(["a.tif", "a.png", "a.tif.png"]) == {
        "a.tif": "a.tif", "a.png": "a.png", "a.tif.png": "a.tif.png",
    }  # fmt: skip


NAMES = st.lists(st.from_regex(r"(s/)?[ab](_p0001)?(\.tif)?\.(png|tif)", fullmatch=True), unique=True, max_size=8)


@given(NAMES)
def test_no_two_slides_share_a_name(slides: list[str]) -> None:
    names = list(export_names(slides).values())
    assert len(set(names)) == len(names)
    files = {f"{name}{plane}" for name in names for plane in ("", "_p0001")}
    assert len(files) == 2 * len(names)
