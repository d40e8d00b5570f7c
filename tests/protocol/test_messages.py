"""Every message is decoded as it was encoded, one line each, and invalid lines are refused with a sentence."""

import json
import math
from dataclasses import fields, replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from unet_studio.errors import ProtocolError
from unet_studio.protocol.messages import (
    VERSION,
    Cancel,
    Failed,
    Finished,
    Happened,
    Message,
    Ready,
    Report,
    Request,
    Stopped,
    decode,
    encode,
)
from unet_studio.protocol.values import (
    Compared,
    ComparedTile,
    CompareJob,
    Comparison,
    Corrections,
    PartProposed,
    PhaseBegan,
    PlaneProposed,
    Preparing,
    Proposed,
    ProposeJob,
    Retrained,
    RetrainJob,
    Round,
    SlideFailed,
    Stopping,
    View,
)

texts = st.text()  # with lone surrogates, as names of files on Linux may have them
numbers = st.integers(-(2**31) + 1, 2**31 - 1)
floats = st.floats(allow_nan=False, allow_infinity=False)
ids = st.integers(1, 2**31 - 1)


def a(kind: Any, **of: Any) -> st.SearchStrategy[Any]:
    """Values of a kind whose fields are texts, whole numbers, numbers or booleans, but for those in `of`."""
    plain = {str: texts, int: numbers, float: floats, bool: st.booleans()}
    return st.builds(kind, **{f.name: of[f.name] if f.name in of else plain[f.type] for f in fields(kind)})  # type: ignore[index]


def several(items: st.SearchStrategy[Any]) -> st.SearchStrategy[tuple[Any, ...]]:
    return st.lists(items, max_size=3).map(tuple)


jobs = (
    a(ProposeJob, planes=several(st.tuples(texts, numbers)), view=st.none() | a(View))
    | a(RetrainJob, changes=several(texts))
    | a(CompareJob)
)
events = st.one_of(
    *(a(kind) for kind in (PartProposed, PlaneProposed, SlideFailed, Preparing, Round, Stopping, PhaseBegan))
)
histories = several(a(Round)).map(lambda rounds: (*rounds, Round(9, 9, 0.5, 0.5, 1.0, kept=True)))


def comparisons(side: int) -> st.SearchStrategy[Comparison]:
    """Of so many classes."""
    pixels = st.integers(0, 2**31 - 1)
    confusions = st.lists(st.lists(pixels, min_size=side, max_size=side).map(tuple), min_size=side, max_size=side)
    counted = {name: confusions.map(tuple) for name in ("before", "after", "elsewhere", "unlabelled")}
    tiles = several(st.builds(ComparedTile, texts, counted["before"], counted["after"]))
    of = {name: counted[name] for name in ("elsewhere", "unlabelled")}
    return a(
        Comparison,
        judged=tiles,
        in_bulk=tiles,
        learned=tiles,
        unseen_strokes=a(Corrections),
        learned_strokes=a(Corrections),
        learned_whole=a(Corrections),
        **of,
    )


@st.composite
def retrainings(draw: st.DrawFn) -> Retrained:
    classes = draw(several(texts))
    comparison = st.none() | comparisons(len(classes))
    return draw(a(Retrained, classes=st.just(classes), history=histories, comparison=comparison))


@st.composite
def compared(draw: st.DrawFn) -> Compared:
    classes = draw(several(texts))
    slides, comparison = several(texts), comparisons(len(classes))
    return draw(a(Compared, classes=st.just(classes), comparison=comparison, left_out=slides, unknown=slides))


results = a(Proposed) | retrainings() | compared()
messages = st.one_of(
    st.builds(Request, ids, jobs),
    st.builds(Cancel, ids),
    st.builds(Report, ids, st.integers(0, 10_000).map(lambda done: done / 10_000), texts),
    st.builds(Happened, ids, events),
    st.builds(Finished, ids, results),
    st.builds(Stopped, ids, texts),
    st.builds(Failed, ids, texts),
    a(Ready, version=st.just(VERSION)),
)


@given(messages)
def test_every_message_arrives_as_it_was_sent(message: Message) -> None:
    assert decode(encode(message)) == message


@given(messages)
def test_a_message_is_one_line(message: Message) -> None:
    line = encode(message)
    assert line.count(b"\n") == 1
    assert line.endswith(b"\n")
    assert line.isascii()


@pytest.mark.parametrize("text", ["größe/切片 😐.tif", "two\nlines", 'a "quoted" \\ path', "\x85\u2028", "\udcff.tif"])
def test_any_path_can_be_named(text: str) -> None:
    request = Request(3, ProposeJob("", "", "", ((text, 0),)))
    assert decode(encode(request)) == request


@pytest.mark.parametrize("number", [math.nan, math.inf, -math.inf])
def test_numbers_that_json_lacks_become_null_and_arrive_as_nan(number: float) -> None:
    before = Round(0, 3, number, number, 1.5, kept=True)
    line = encode(Finished(1, Retrained("m", "", (), 1, (before,))))
    sent = json.loads(line)["result"]["history"][0]
    assert (sent["loss"], sent["dice"], sent["seconds"]) == (None, None, 1.5)
    arrived = decode(line)
    assert isinstance(arrived, Finished) and isinstance(arrived.result, Retrained)
    assert math.isnan(arrived.result.history[0].loss)
    assert replace(arrived.result.history[0], loss=0.0, dice=0.0) == replace(before, loss=0.0, dice=0.0)


@pytest.mark.parametrize(
    "line",
    [
        b"", b"\n", b"Epoch 1/3\n", b'{"id": 1', b"[1, 2]", b"3", b"null", b'"text"', b'{"unknown": 1}', b"\xff\xfe\n",
        b'{"id": NaN, "method": "cancel"}', b"[" * 50_000, b'{"id":1,"method":"event","params":' + b'{"a":' * 50_000,
        b"9" * 5000,
    ],
)  # fmt: skip
def test_a_line_that_is_no_message_is_quoted(line: bytes) -> None:
    with pytest.raises(ProtocolError, match="expected one JSON message, received") as caught:
        decode(line)
    assert repr(line[:200]) in str(caught.value)
    assert caught.value.request == 0 or line.startswith(b'{"id":1')


def test_a_long_line_is_quoted_in_part() -> None:
    with pytest.raises(ProtocolError, match="expected one JSON message") as caught:
        decode(b"x" * 10_000)
    assert len(str(caught.value)) < 300


@pytest.mark.parametrize(
    ("content", "wrong"),
    [
        (
            {"id": 99999999999, "method": "progress", "params": {"done": 0.5, "text": "a"}},
            "'id' must be a whole number",
        ),
        ({"id": 1.5, "method": "progress", "params": {"done": 0.5, "text": "a"}}, "'id' must be a whole number"),
        ({"id": True, "method": "progress", "params": {"done": 0.5, "text": "a"}}, "'id' must be a whole number"),
        ({"id": -3, "method": "cancel"}, "'id' must be 1 or more"),
        ({"method": "progress", "params": {"done": 0.5, "text": "a"}}, "'id' must be a whole number"),
        ({"id": 1, "method": "progress", "params": {"": 0.5, "text": "a.png"}}, "'params' has no ''"),
        ({"id": 1, "method": "progress", "params": {"text": "a.png"}}, "'params' lacks 'done'"),
        ({"id": 1, "method": "progress", "params": {"done": 0.5}}, "'params' lacks 'text'"),
        ({"id": 1, "method": "progress", "params": {"done": "half", "text": ""}}, "must be a number"),
        ({"id": 1, "method": "progress", "params": {"done": 10**400, "text": ""}}, "is too large"),
        ({"id": 1, "method": "progress", "params": {"done": 1.5, "text": ""}}, "must be 0…1"),
        ({"id": 1, "method": "progress", "params": {"done": None, "text": ""}}, "must be 0…1"),
        ({"id": 1, "method": "progress", "params": {"done": 0.5, "text": 3}}, "must be a text"),
        ({"id": 1, "method": "progress", "params": []}, "'params' is no object"),
        ({"id": 1, "method": "progress"}, "'params' is no object"),
        ({"id": 1, "method": "event", "params": {"slide": "a"}}, "'name' must be one of"),
        ({"id": 1, "method": "event", "params": {"name": "party"}}, "'name' must be one of"),
        ({"id": 1, "method": "event", "params": {"name": "proposed", "slide": "a", "plane": 0}}, "lacks 'model'"),
        (
            {"id": 1, "method": "event", "params": {"name": "proposed", "slide": "a", "plane": 1 << 40, "model": "m"}},
            "must be a whole number up to",
        ),
        ({"id": 1, "result": {"of": "retrain", "model": "m"}}, "lacks 'parent'"),
        ({"id": 1, "result": {"of": "propose", "model": "m", "proposed": []}}, "'propose.proposed' must be"),
        (
            {
                "id": 1,
                "result": {"of": "retrain", "model": "", "parent": "", "classes": [], "held_out": 1, "history": []},
            },
            "keeps the weights of one of its rounds",
        ),
        ({"id": 1, "result": {}}, "'of' must be one of"),
        ({"id": 1, "result": None}, "'result' is no object"),
        ({"id": 1, "error": {"code": 3}}, "'error' must be a text"),
        ({"id": 1}, "it says nothing"),
        ({"id": 1, "method": "propose", "params": {"folder": "f"}}, "lacks 'place'"),
        ({"id": 1, "method": ["propose"]}, "knows no job"),
    ],
)
def test_a_message_with_wrong_or_missing_fields_says_what_is_wrong(content: dict[str, Any], wrong: str) -> None:
    with pytest.raises(ProtocolError) as caught:
        decode(json.dumps(content).encode())
    assert wrong in str(caught.value)
    number = content.get("id")
    assert caught.value.request == (1 if number == 1 and number is not True else 0)


@given(st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | texts,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(
        st.sampled_from(["id", "method", "params", "result", "error", "name", "done", "of", "planes"]) | texts, inner
    ),
    max_leaves=12,
))  # fmt: skip
def test_no_json_at_all_is_met_by_anything_but_a_protocol_error(content: Any) -> None:
    try:
        decode(json.dumps(content).encode())
    except ProtocolError as error:
        assert str(error)


def test_a_worker_of_another_version_is_refused_whatever_else_it_says() -> None:
    for version in (VERSION + 1, "3", None):
        params = {"version": version, "kind": "CPU", "colour": "new"}
        with pytest.raises(ProtocolError, match="Install the same U-Net Studio on both sides") as caught:
            decode(json.dumps({"method": "ready", "params": params}).encode())
        assert caught.value.other_version
