"""What was chosen for a whole project: classes, mask recipe, model, and the slides that judge or are judged."""

import json
import sqlite3
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TypeVar

from unet_studio.core.classes import LabelClass, make_classes
from unet_studio.core.cleaning.steps import Step, format_steps, parse_steps
from unet_studio.core.files import is_plain_name
from unet_studio.core.project.damage import reports_damage
from unet_studio.core.project.stored_values import class_of, damaged_entry, names_of, text_of, threshold_of
from unet_studio.errors import RecipeError

_Value = TypeVar("_Value")


class Choices:
    """The part of a project that says what is chosen for all of its slides; see `Project`."""

    def __init__(self, place: Path, connection: sqlite3.Connection) -> None:
        self.place = place
        self._db = connection

    @reports_damage
    def classes(self) -> tuple[LabelClass, ...]:
        """The classes in order of index; background and 'foreground' until someone chooses."""
        rows = self._db.execute("SELECT idx, name, red, green, blue FROM class ORDER BY idx").fetchall()
        if not rows:
            return make_classes("foreground")
        return tuple(class_of(*row) for row in rows)

    @property
    @reports_damage
    def has_classes(self) -> bool:
        """Whether someone chose the classes, or a model brought them."""
        return self._db.execute("SELECT 1 FROM class").fetchone() is not None

    @reports_damage
    def set_classes(self, classes: Iterable[LabelClass]) -> None:
        with self._db:
            self._db.execute("DELETE FROM class")
            self._db.executemany(
                "INSERT INTO class VALUES (?, ?, ?, ?, ?)", [(c.index, c.name, *c.colour) for c in classes]
            )

    @reports_damage
    def set_setting(self, name: str, value: str) -> None:
        with self._db:
            self._db.execute("INSERT OR REPLACE INTO setting VALUES (?, ?)", (name, value))

    @reports_damage
    def steps(self) -> tuple[Step, ...]:
        """The clean-up recipe."""
        return self._setting("clean_up", parse_steps)

    def set_steps(self, steps: Iterable[Step]) -> None:
        self.set_setting("clean_up", format_steps(tuple(steps)))

    @property
    @reports_damage
    def threshold(self) -> float:
        """The threshold of the mask recipe, 0…1; 0.5 until someone chooses."""
        return self._setting("threshold", lambda text: threshold_of(text or "0.5"))

    @property
    @reports_damage
    def active_model(self) -> str:
        """Id of the model that proposes; empty until one is chosen, and where what is stored is no id but a path."""
        name = self._setting("active_model", str)
        return name if is_plain_name(name) else ""

    @property
    @reports_damage
    def session(self) -> str:
        """What the window that wrote last marked the store with, by which it knows that it is still the same one."""
        return self._setting("session", str)

    @property
    @reports_damage
    def too_close(self) -> str:
        """What becomes of a new model that the hold-out can't judge; empty until someone chooses."""
        return self._setting("too_close", str)

    @property
    @reports_damage
    def repeat_key(self) -> str:
        """Which slide is which of those that were dealt to be labelled again, as JSON; empty where none was."""
        return self._setting("repeat_key", str)

    @reports_damage
    def hold_out(self) -> frozenset[str]:
        """Slides kept out of training."""
        return frozenset(text_of("its hold-out", slide) for (slide,) in self._db.execute("SELECT slide FROM hold_out"))

    @reports_damage
    def add_hold_out(self, slides: Iterable[str]) -> None:
        """Keep these slides out of training from now on."""
        added = frozenset(slides)
        with self._db:
            self._db.executemany("INSERT OR IGNORE INTO hold_out VALUES (?)", [(slide,) for slide in added])
            self._set_names("declined", self.declined() - added)

    @reports_damage
    def remove_hold_out(self, slides: Iterable[str]) -> None:
        """Have these slides learned from, because a person wants it; they are never drawn into the hold-out again."""
        removed = frozenset(slides)
        with self._db:
            self._db.executemany("DELETE FROM hold_out WHERE slide = ?", [(slide,) for slide in removed])
            self._set_names("declined", self.declined() | removed)

    @reports_damage
    def declined(self) -> frozenset[str]:
        """Slides that a person wants learned from."""
        return self._names("declined") or frozenset()

    @reports_damage
    def learned(self) -> frozenset[str] | None:
        """Slides that a training has had so far, also one that failed; None before the first."""
        return self._names("learned")

    @reports_damage
    def mark_learned(self, slides: Iterable[str]) -> None:
        """A training gets these slides to learn from."""
        with self._db:
            self._set_names("learned", (self.learned() or frozenset()) | frozenset(slides))

    @property
    @reports_damage
    def hold_out_groups(self) -> str:
        """How slides are grouped, as `grouping.check_grouping` has it; empty until someone chooses."""
        return self._setting("hold_out_groups", str)

    @reports_damage
    def audit(self) -> frozenset[str]:
        """Slides drawn at random on which the masks are judged; no model learns from them or is chosen by them."""
        return self._names("audit") or frozenset()

    @reports_damage
    def set_audit(self, slides: Iterable[str]) -> None:
        with self._db:
            self._set_names("audit", slides)

    def _names(self, setting: str) -> frozenset[str] | None:
        """Slides in a setting, None where it was never made."""
        return self._setting(setting, lambda text: names_of(text) if text else None)

    def _setting(self, name: str, parse: Callable[[str], _Value]) -> _Value:
        """A setting, of an empty text where it was never made; raises `StoredDataError` where it is damaged."""
        row = self._db.execute("SELECT value FROM setting WHERE name = ?", (name,)).fetchone()
        what = f"its setting '{name}'"
        try:
            return parse(text_of(what, row[0]) if row else "")
        except (ValueError, RecipeError) as error:
            raise damaged_entry(what) from error

    def _set_names(self, setting: str, slides: Iterable[str]) -> None:
        """Inside the caller's transaction."""
        self._db.execute("INSERT OR REPLACE INTO setting VALUES (?, ?)", (setting, json.dumps(sorted(slides))))
