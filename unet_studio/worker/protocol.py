"""What the window and the worker say to each other: one JSON object a line, after JSON-RPC 2.0; standard library only.

The worker sends `ready` first. A request has an id; `progress` and `event` notifications carry it, and a result or
an error ends it. `cancel` names the id of a request. When stdin closes the worker leaves.
"""

import json
from dataclasses import asdict, dataclass, field
from typing import Any, Protocol

VERSION = 3


@dataclass(frozen=True, slots=True)
class ProposeJob:
    """Propose masks; `planes` are [slide, plane] pairs, plane -1 for all planes of the slide.

    With `flips` every tile is seen in all eight orientations; what was proposed the other way is proposed again.
    `view` is what is on the screen, [slide, plane, y0, x0, y1, x1], or empty. That plane comes first among those of its
    slide, and where it is large what is in view comes first, then what is around it: a part of which each event
    'in-view' says that there is more.
    """

    folder: str
    place: str
    model: str
    planes: list[list[Any]]
    overwrite: bool = False
    view: list[Any] = field(default_factory=list)
    flips: bool = False


@dataclass(frozen=True, slots=True)
class RetrainJob:
    """Retrain `model` (empty: from scratch) on the project's labels by a recipe and changes such as 'seed=1'.

    Without a `recipe` it is the usual one: 'retrain' from a model, 'from-scratch' for a first one.
    With `resume` the training that was interrupted last goes on instead, with the model and recipe that it has.
    """

    folder: str
    place: str
    model: str
    recipe: str = ""
    changes: list[str] = field(default_factory=list)
    channels: int = 0  # from scratch: network channels; 0 takes them from the first labelled slide
    resume: bool = False


@dataclass(frozen=True, slots=True)
class Ready:
    """The worker is up: what it is and what it runs on."""

    version: int
    kind: str
    device: str
    backend: str
    reason: str


@dataclass(frozen=True, slots=True)
class Message:
    """One line. Requests and notifications have a `method` and `params`, answers a `result` or an `error`."""

    id: int = 0
    method: str = ""
    params: dict[str, Any] = field(default_factory=dict)
    result: dict[str, Any] | None = None
    error: str = ""

    def encode(self) -> bytes:
        """The message as one line of UTF-8; NaN, which JSON lacks, becomes null."""
        content = {key: value for key, value in asdict(self).items() if value not in (0, "", {}, None)}
        return json.dumps(_without_nan(content), allow_nan=False, ensure_ascii=False).encode() + b"\n"


def decode(line: bytes) -> Message:
    """Parse one line; raises ValueError with what was received if it is no message."""
    try:
        return Message(**json.loads(line))
    except (ValueError, TypeError) as error:
        raise ValueError(f"expected one JSON message, received {line[:200]!r}") from error


class Listener(Protocol):
    """Where a job reports to: the protocol's other end, or the command line."""

    def progress(self, done: float, text: str) -> None:
        """`done` is the share finished, 0…1."""

    def event(self, name: str, **params: Any) -> None:
        """Something finished on the way: 'in-view', 'proposed', 'failed', 'round'."""

    def cancelled(self) -> bool:
        """Whether the user asked to stop."""


def _without_nan(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _without_nan(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_without_nan(item) for item in value]
    return None if isinstance(value, float) and (value != value or value in (float("inf"), -float("inf"))) else value
