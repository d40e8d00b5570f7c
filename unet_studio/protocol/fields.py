"""Frozen dataclasses to plain JSON values, and back with every field checked; standard library only."""

import math
from collections.abc import Sequence
from dataclasses import MISSING, fields, is_dataclass
from functools import cache
from types import UnionType
from typing import Any, get_args, get_origin, get_type_hints

LARGEST = (1 << 31) - 1
"""Every whole number must fit into a C int, since Qt's signals carry them so."""


class FieldError(Exception):
    """A value from JSON has the wrong type or is out of range; the message says what is wrong."""


def plain(value: Any) -> Any:
    """A value as JSON knows it; NaN and infinity, which JSON lacks, become null."""
    if is_dataclass(value):
        return {field.name: plain(getattr(value, field.name)) for field in fields(value)}
    if isinstance(value, list | tuple):
        return [plain(item) for item in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


def build(kind: Any, value: Any, where: str) -> Any:
    """A value of type `kind` out of what JSON gave for it; null is the number NaN.

    The kinds are str, int, float, bool, dict (of anything), a dataclass of kinds, one of them or None, and sequences
    and tuples of them.
    Raises `FieldError`, naming the value as `where`, for anything else than `plain` gives.
    """
    if is_dataclass(kind):
        return _build_fields(kind, value, where)
    if get_origin(kind) is UnionType:  # some type or None
        return None if value is None else build(get_args(kind)[0], value, where)
    if get_origin(kind) is Sequence:
        return tuple(build(get_args(kind)[0], item, where) for item in _list(value, where))
    if get_origin(kind) is tuple:
        items = _list(value, where)
        if len(items) != len(get_args(kind)):
            raise FieldError(f"'{where}' must have {len(get_args(kind))} items")
        return tuple(build(part, item, where) for part, item in zip(get_args(kind), items, strict=True))
    if kind is float:
        return _number(value, where)
    if type(value) is not kind:  # a bool is no whole number here
        raise FieldError(f"'{where}' must be {_KINDS[kind]}")
    if kind is int and abs(value) > LARGEST:
        raise FieldError(f"'{where}' must be a whole number up to {LARGEST}")
    return value


def _build_fields(kind: Any, value: Any, where: str) -> Any:
    if not isinstance(value, dict):
        raise FieldError(f"'{where}' is no object")
    hints, known = _hints(kind), {field.name: field for field in fields(kind)}
    for key in value:
        if key not in known:
            raise FieldError(f"'{where}' has no '{key[:200]}'")
    for name, field in known.items():
        if name not in value and field.default is MISSING:
            raise FieldError(f"'{where}' lacks '{name}'")
    arguments = {key: build(hints[key], item, f"{where}.{key}") for key, item in value.items()}
    try:
        return kind(**arguments)
    except ValueError as error:
        raise FieldError(f"'{where}' makes no sense: {error}") from error


def _list(value: Any, where: str) -> list[Any]:
    if not isinstance(value, list):
        raise FieldError(f"'{where}' must be a list")
    return value


def _number(value: Any, where: str) -> float:
    if value is None:
        return math.nan
    if type(value) not in (int, float):
        raise FieldError(f"'{where}' must be {_KINDS[float]}")
    try:
        return float(value)
    except OverflowError:
        raise FieldError(f"'{where}' is too large") from None


@cache
def _hints(kind: Any) -> dict[str, Any]:
    return get_type_hints(kind)


_KINDS = {dict: "a table", str: "a text", int: "a whole number", float: "a number", bool: "true or false"}
