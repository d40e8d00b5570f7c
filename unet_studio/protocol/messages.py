"""The lines between window and worker: one JSON object each, after JSON-RPC 2.0, checked field by field.

The worker sends `ready` first. A request has an id; `progress` and `event` notifications carry it, and a result, a
sentence that it was stopped, or an error ends it. `cancel` names the id of a request. When stdin closes the worker
exits.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from unet_studio.errors import ProtocolError
from unet_studio.protocol.fields import LARGEST, FieldError, build, plain
from unet_studio.protocol.values import (
    Compared,
    CompareJob,
    Event,
    Job,
    PartProposed,
    PhaseBegan,
    PlaneProposed,
    Preparing,
    Proposed,
    ProposeJob,
    Result,
    Retrained,
    RetrainJob,
    Round,
    SlideFailed,
    Stopping,
)

VERSION = 6
_QUOTED = 200
"""Of what can't be understood at most so many characters are quoted."""


@dataclass(frozen=True, slots=True)
class Ready:
    """The worker is up: what it is and what it runs on."""

    version: int
    kind: str
    device: str
    backend: str
    reason: str


@dataclass(frozen=True, slots=True)
class Request:
    """Do a job; everything about it carries this id, from 1 on."""

    id: int
    job: Job


@dataclass(frozen=True, slots=True)
class Cancel:
    """Stop the job of a request; it is still answered."""

    id: int


@dataclass(frozen=True, slots=True)
class Report:
    """How far a job is: the share 0…1, and what is being worked on."""

    id: int
    done: float
    text: str


@dataclass(frozen=True, slots=True)
class Happened:
    """Something finished while a job goes on."""

    id: int
    event: Event


@dataclass(frozen=True, slots=True)
class Finished:
    """The answer to a request whose job was done."""

    id: int
    result: Result


@dataclass(frozen=True, slots=True)
class Stopped:
    """The answer to a request that was cancelled; `sentence` says what stays."""

    id: int
    sentence: str


@dataclass(frozen=True, slots=True)
class Failed:
    """The answer to a request whose job could not be done; `sentence` says why and what to do."""

    id: int
    sentence: str


Message = Ready | Request | Cancel | Report | Happened | Finished | Stopped | Failed

_JOBS: Mapping[str, type[Job]] = {"propose": ProposeJob, "retrain": RetrainJob, "compare": CompareJob}
_EVENTS: Mapping[str, type[Event]] = {
    "in-view": PartProposed, "proposed": PlaneProposed, "failed": SlideFailed, "preparing": Preparing,
    "round": Round, "stopping": Stopping, "phase": PhaseBegan,
}  # fmt: skip
_RESULTS: Mapping[str, type[Result]] = {"propose": Proposed, "retrain": Retrained, "compare": Compared}


def encode(message: Message) -> bytes:
    """A message as one line of ASCII; NaN and infinity, which JSON lacks, become null."""
    return json.dumps(_content(message), allow_nan=False).encode("ascii") + b"\n"


def decode(line: bytes) -> Message:
    """Parse one line.

    Raises `ProtocolError` with what was received if it is no message, has wrong or missing fields, or is of another
    version; its `request` is the id of the request that it was about, or 0.
    """
    try:
        content = json.loads(line, parse_constant=_refuse)
    except (ValueError, RecursionError) as error:
        raise ProtocolError(f"expected one JSON message, received {line[:_QUOTED]!r}") from error
    number = content.get("id", 0) if isinstance(content, dict) else 0
    request = number if type(number) is int and 0 < number <= LARGEST else 0
    try:
        return _message(content)
    except FieldError as error:
        raise ProtocolError(
            f"expected one JSON message, received {line[:_QUOTED]!r}: {error}", request=request
        ) from error


def _refuse(constant: str) -> None:
    raise ValueError(f"{constant} isn't JSON")


def _content(message: Message) -> dict[str, Any]:
    match message:
        case Ready():
            return {"method": "ready", "params": plain(message)}
        case Request(number, job):
            return {"id": number, "method": _name(_JOBS, job), "params": plain(job)}
        case Cancel(number):
            return {"id": number, "method": "cancel"}
        case Report(number, done, text):
            return {
                "id": number,
                "method": "progress",
                "params": {"done": round(min(max(done, 0.0), 1.0), 4), "text": text},
            }
        case Happened(number, event):
            return {"id": number, "method": "event", "params": {"name": _name(_EVENTS, event), **plain(event)}}
        case Finished(number, result):
            return {"id": number, "result": {"of": _name(_RESULTS, result), **plain(result)}}
        case Stopped(number, sentence):
            return {"id": number, "stopped": sentence}
        case Failed(number, sentence):
            return {"id": number, "error": sentence}


def _message(content: object) -> Message:
    if not isinstance(content, dict):
        raise FieldError("it is no object")
    kind = content.get("method") if "method" in content else next((key for key in content if key != "id"), None)
    if kind == "ready":
        return _ready(_object(content, "params"))
    number = build(int, content.get("id"), "id")
    if number < 1:
        raise FieldError("'id' must be 1 or more")
    match kind:
        case "cancel":
            return Cancel(number)
        case "progress":
            return _report(number, _object(content, "params"))
        case "event":
            return Happened(number, _one_of(_EVENTS, _object(content, "params"), "name"))
        case "result":
            return Finished(number, _one_of(_RESULTS, _object(content, "result"), "of"))
        case "stopped":
            return Stopped(number, build(str, content["stopped"], "stopped"))
        case "error":
            return Failed(number, build(str, content["error"], "error"))
        case str() if kind in _JOBS:
            return Request(number, build(_JOBS[kind], _object(content, "params"), "params"))
    if "method" in content:
        raise ProtocolError(f"The worker knows no job '{kind!s:.{_QUOTED}}'.", request=number)
    raise FieldError("it says nothing")


def _ready(params: dict[str, Any]) -> Ready:
    version = params.get("version")
    if version != VERSION:  # what else it says may be unknown here
        raise ProtocolError(
            f"The worker speaks version {version!s:.20} of the protocol, this window version {VERSION}. "
            "Install the same U-Net Studio on both sides.",
            other_version=True,
        )
    ready: Ready = build(Ready, params, "params")
    return ready


def _report(number: int, params: dict[str, Any]) -> Report:
    report: Report = build(Report, {"id": number, **params}, "params")
    if not 0 <= report.done <= 1:
        raise FieldError("'params.done' must be 0…1")
    return report


def _object(content: Mapping[str, Any], key: str) -> dict[str, Any]:
    value = content.get(key)
    if not isinstance(value, dict):
        raise FieldError(f"'{key}' is no object")
    return value


def _one_of(kinds: Mapping[str, type[Any]], content: dict[str, Any], key: str) -> Any:
    """A value whose kind is named by one of its keys."""
    name = content.get(key)
    if not isinstance(name, str) or name not in kinds:
        raise FieldError(f"'{key}' must be one of {', '.join(kinds)}")
    return build(kinds[name], {k: value for k, value in content.items() if k != key}, name)


def _name(kinds: Mapping[str, type[Any]], value: object) -> str:
    return next(name for name, kind in kinds.items() if type(value) is kind)
