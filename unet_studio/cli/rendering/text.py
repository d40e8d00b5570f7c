"""How values are written: numbers and tables for a person, and JSON for a script."""

import json
import math
from collections.abc import Sequence
from typing import Any

from rich.table import Table

Text = str | Table | Sequence[str | Table]
"""An answer for a person: a sentence, a table, or several of them, one below the other."""


def shown(value: object) -> str:
    """A value for a person: numbers with a fraction get four digits after the point, NaN a dash."""
    if isinstance(value, float):
        return "–" if math.isnan(value) else f"{value:.4f}"
    return str(value)


def make_table(*columns: str, rows: Sequence[Sequence[object]]) -> Table:
    """A table whose first column is text and whose others are numbers, set to the right."""
    table = Table(box=None, pad_edge=False, header_style="bold")
    for index, column in enumerate(columns):
        table.add_column(column, justify="right" if index else "left", overflow="fold")
    for row in rows:
        table.add_row(*(shown(value) for value in row))
    return table


def to_json(content: dict[str, Any]) -> str:
    """One JSON object on one line, in ASCII; a number that isn't finite becomes null, a path its text."""
    return json.dumps(_plain(content), allow_nan=False)


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value if isinstance(value, str | int | float | bool | None) else str(value)
