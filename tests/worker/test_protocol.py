"""The protocol: whatever is said arrives as it was said, one line a message."""

import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from unet_studio.worker.protocol import Message, ProposeJob, Ready, RetrainJob, decode

texts = st.text(st.characters(codec="utf-8"))
values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | texts,
    lambda children: st.lists(children, max_size=3) | st.dictionaries(texts, children, max_size=3),
    max_leaves=8,
)
objects = st.dictionaries(texts, values, max_size=4)


@given(st.builds(Message, st.integers(0, 10**6), texts, objects, st.none(), texts))
def test_every_request_and_error_arrives_as_it_was_sent(message: Message) -> None:
    assert decode(message.encode()) == message


@given(st.integers(1, 10**6), objects.filter(bool))
def test_every_result_arrives_as_it_was_sent(number: int, result: dict[str, Any]) -> None:
    assert decode(Message(number, result=result).encode()).result == result


@given(st.builds(Message, st.integers(0, 9), texts, objects))
def test_a_message_is_one_line(message: Message) -> None:
    line = message.encode()
    assert line.count(b"\n") == 1
    assert line.endswith(b"\n")


@pytest.mark.parametrize("text", ["größe/切片 😐.tif", "two\nlines", 'a "quoted" \\ path', "\x85\u2028"])
def test_any_path_can_be_named(text: str) -> None:
    assert decode(Message(3, "propose", {"planes": [[text, 0]]}).encode()).params["planes"] == [[text, 0]]


@pytest.mark.parametrize("number", [math.nan, math.inf, -math.inf])
def test_numbers_that_json_lacks_become_null_at_any_depth(number: float) -> None:
    line = Message(1, "event", {"loss": number, "list": [number, {"dice": number, "seconds": 1.5}]}).encode()
    assert decode(line).params == {"loss": None, "list": [None, {"dice": None, "seconds": 1.5}]}


@pytest.mark.parametrize(
    "line",
    [b"", b"\n", b"Epoch 1/3\n", b'{"id": 1', b"[1, 2]", b"3", b"null", b'"text"', b'{"unknown": 1}', b"\xff\xfe\n"],
)
def test_a_line_that_is_no_message_is_quoted(line: bytes) -> None:
    with pytest.raises(ValueError, match="expected one JSON message, received") as caught:
        decode(line)
    assert repr(line) in str(caught.value)


def test_a_long_line_is_quoted_in_part() -> None:
    with pytest.raises(ValueError, match="expected one JSON message") as caught:
        decode(b"x" * 10_000)
    assert len(str(caught.value)) < 300


@pytest.mark.parametrize(
    ("kind", "params"),
    [
        (
            ProposeJob,
            {
                "folder": "f", "place": "p", "model": "m", "planes": [["a.png", -1]], "overwrite": True,
                "view": ["a.png", 0, 0, 5, 6, 7], "flips": True,
            },
        ),
        (
            RetrainJob,
            {
                "folder": "f", "place": "p", "model": "", "recipe": "mine.toml", "changes": ["seed=1"], "channels": 3,
                "resume": True,
            },
        ),
        (Ready, {"version": 1, "kind": "CPU", "device": "CPU, 2 cores", "backend": "jax", "reason": "No GPU."}),
    ],
)  # fmt: skip
def test_jobs_and_ready_travel_as_params(kind: Any, params: dict[str, Any]) -> None:
    arrived = kind(**decode(Message(1, "any", params).encode()).params)
    assert {name: getattr(arrived, name) for name in kind.__slots__} == params
