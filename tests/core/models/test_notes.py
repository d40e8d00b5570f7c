"""What is kept beside a card: a note, and the slides that a model learned from."""

from pathlib import Path

import pytest

from tests.core.models.test_cards import make_card
from unet_studio.core.models.cards import bundled_models, read_card
from unet_studio.core.models.notes import learned_slides, read_note, write_learned_slides, write_note
from unet_studio.errors import ModelError


def test_a_note_is_one_line_and_changes_no_card(tmp_path: Path) -> None:
    card = make_card(tmp_path / "a")
    assert read_note(card) == ""
    write_note(card, "  gut\nbei größeren  Zellen ")
    assert read_note(card) == "gut bei größeren Zellen"
    assert read_card(card.folder) == card
    write_note(card, " ")
    write_note(card, "")
    assert read_note(card) == ""


def test_nothing_is_noted_beside_a_starter_model() -> None:
    with pytest.raises(ModelError, match="is a starter model"):
        write_note(bundled_models()[0], "mine")


@pytest.mark.parametrize("damage", [b"\xff\xfe", b""])
def test_a_damaged_note_is_none(tmp_path: Path, damage: bytes) -> None:
    card = make_card(tmp_path / "a")
    (card.folder / "note.txt").write_bytes(damage)
    assert read_note(card) == ""


def test_what_a_model_learned_from_is_known_or_said_not_to_be(tmp_path: Path) -> None:
    card = make_card(tmp_path / "a")
    assert learned_slides(card) is None
    write_learned_slides(card.folder, ["sub/größe.png", "two\nlines.png"])
    assert learned_slides(card) == {"sub/größe.png", "two\nlines.png"}
    (card.folder / "learned.json").write_text("{")
    assert learned_slides(card) is None
    assert learned_slides(bundled_models()[0]) == frozenset()
