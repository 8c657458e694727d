"""The forms of calls: what a grammar lets a model write is a call of an offered tool, with numbers of the task."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from agentnet.agents.tools.forms import (
    calls_schema,
    check,
    numbers_in,
    read_calls,
    read_function,
    read_values,
    values_pattern,
    with_numbers,
)
from agentnet.agents.tools.offers import LARGEST_SCHEMA, offer
from agentnet.contracts.bodies import PlannedCall
from agentnet.contracts.formats import regex_grammar, schema_grammar
from agentnet.errors import ReplyError, ToolError
from agentnet.models.base import ToolOffer


def takes(required: list[str] | None = None, **properties: Any) -> ToolOffer:
    schema = {"type": "object", "properties": properties}
    return ToolOffer("calc/calculate", "", schema | {"required": list(properties) if required is None else required})


CALCULATE = takes(left={"type": "integer"}, operation={"enum": ["+", "-", "*"]}, right={"type": "integer"})


@pytest.mark.parametrize(
    ("text", "numbers"),
    [
        ("What is 7386 + 8090?", (7386, 8090)),
        ("1,234,567 and 1,234 and 2.5, then 3,4", (1234567, 1234, 2.5, 3, 4)),
        ("7 apples, 7 pears", (7,)),
        ("no number", ()),
        ("9" * 40, ()),
    ],
)
def test_the_numbers_of_a_task_are_found(text: str, numbers: tuple[float, ...]) -> None:
    assert numbers_in(text) == numbers


def test_numbers_are_narrowed_wherever_a_schema_has_them() -> None:
    schema = takes(
        left={"type": "integer", "description": "one"},
        share={"anyOf": [{"type": "number"}, {"type": "null"}]},
        several={"type": "array", "items": {"type": ["integer", "null"]}},
        name={"type": "string"},
        limit={"type": "integer", "enum": [10]},
    )
    narrowed = with_numbers(schema, (3, 2.5))
    assert narrowed is not None
    assert narrowed.parameters["properties"] == {
        "left": {"enum": [3], "description": "one"},
        "share": {"anyOf": [{"enum": [3, 2.5]}, {"type": "null"}]},
        "several": {"type": "array", "items": {"enum": [3, None]}},
        "name": {"type": "string"},
        "limit": {"type": "integer", "enum": [10]},
    }
    assert with_numbers(schema, (2.5,)) is None
    assert with_numbers(takes(name={"type": "string"}), ()) == takes(name={"type": "string"})


def test_bare_values_are_read_as_what_the_schema_says() -> None:
    narrowed = with_numbers(CALCULATE, (7386, 12))
    assert narrowed is not None
    pattern = values_pattern(narrowed)
    regex_grammar(pattern)
    assert re.fullmatch(pattern, "7386*12")
    assert not re.fullmatch(pattern, "738*12")
    assert read_values("12-7386", narrowed).arguments == {"left": 12, "operation": "-", "right": 7386}
    assert read_values("-3-4", CALCULATE).arguments == {"left": -3, "operation": "-", "right": 4}
    with pytest.raises(ReplyError, match="no call of calc/calculate"):
        read_values("12/4", CALCULATE)


@pytest.mark.parametrize(
    "odd",
    [takes(), takes(text={"type": "string"}), takes(required=["left"], left={"type": "integer"}, right={"enum": [1]})],
)
def test_a_tool_that_bare_values_cannot_call_is_named(odd: ToolOffer) -> None:
    with pytest.raises(ToolError, match="calc/calculate: called with bare values"):
        values_pattern(odd)


POINT = {"type": "object", "properties": {"x": {"type": "integer"}}, "required": ["x"], "additionalProperties": False}
MOVE = ToolOffer(
    "robot/move",
    "",
    {
        "type": "object",
        "properties": {"to": {"$ref": "#/$defs/Point"}, "path": {"type": "array", "items": {"$ref": "#/$defs/Point"}}},
        "required": ["to"],
        "additionalProperties": False,
        "$defs": {"Point": POINT},
    },
)
OTHER = ToolOffer(
    "robot/say",
    "",
    {
        "type": "object",
        "properties": {"word": {"$ref": "#/$defs/Point"}},
        "required": ["word"],
        "$defs": {"Point": {"enum": ["yes", "no"]}},
    },
)


def test_several_tools_are_one_schema_with_definitions_of_their_own() -> None:
    schema = calls_schema((MOVE, OTHER), least=0, most=2)
    schema_grammar(schema)
    checker = Draft202012Validator(schema)
    move = {"tool": "robot/move", "arguments": {"to": {"x": 1}, "path": [{"x": 2}]}}
    say = {"tool": "robot/say", "arguments": {"word": "yes"}}
    assert checker.is_valid({"calls": [move, say]})
    assert checker.is_valid({"calls": []})
    for wrong in (
        [move, say, move],
        [{"tool": "robot/say", "arguments": {"word": {"x": 1}}}],
        [{"tool": "robot/fly", "arguments": {}}],
    ):
        assert not checker.is_valid({"calls": wrong})
    assert not Draft202012Validator(calls_schema((MOVE,), least=1, most=2)).is_valid({"calls": []})


def test_calls_are_read_strictly() -> None:
    text = json.dumps({"calls": [{"tool": "a/b", "arguments": {"n": 1}}, {"tool": "a/c"}, {"tool": "a/d"}]})
    assert read_calls(text, 2) == (PlannedCall(tool="a/b", arguments={"n": 1}), PlannedCall(tool="a/c"))
    assert read_function("a/b", "") == PlannedCall(tool="a/b")
    wrong = (
        "",
        "[]",
        "{}",
        '{"calls": {}}',
        '{"calls": [1]}',
        '{"calls": [{"tool": 1}]}',
        '{"calls": [{"tool": "a/b",',
    )
    for reply in (*wrong, '{"calls": [{"tool": "a/b", "arguments": [1]}]}', '{"calls": [], "n": NaN}', "[" * 100_000):
        with pytest.raises(ReplyError):
            read_calls(reply, 2)
    for arguments in ("{", "[]", "1", '{"n": Infinity}', '{"n": "\\ud800"}'):
        with pytest.raises(ReplyError):
            read_function("a/b", arguments)


@pytest.mark.parametrize(
    ("tool", "arguments", "why"),
    [
        ("calc/erase", {}, "no tool that may be called here"),
        ("calc/calculate", {"left": 7385, "operation": "+", "right": 12}, "its arguments are wrong: 7385"),
        ("calc/calculate", {"left": 12, "operation": "+"}, "'right' is a required property"),
    ],
)
def test_what_was_not_offered_is_not_called(tool: str, arguments: dict[str, Any], why: str) -> None:
    narrowed = with_numbers(CALCULATE, (7386, 12))
    assert narrowed is not None
    with pytest.raises(ToolError, match=why):
        check(PlannedCall(tool=tool, arguments=arguments), {"calc/calculate": narrowed})


def test_a_pattern_of_a_server_is_not_matched_here() -> None:
    slow = takes(text={"type": "string", "pattern": "^(a+)+$"})
    check(PlannedCall(tool=slow.name, arguments={"text": "a" * 60 + "b"}), {slow.name: slow})


def test_an_offer_leaves_out_what_says_nothing_and_keeps_the_rest() -> None:
    schema = {
        "title": "X",
        "type": "object",
        "properties": {
            "title": {"type": "string", "title": "Title", "default": "x", "description": "long\n" * 100},
            "count": {"type": "integer", "minimum": 0, "maximum": 2**63},
        },
        "required": ["title"],
    }
    made = offer("a/b", "one\ntwo " + "x" * 1000, schema)
    assert len(made.description) == 300
    title = made.parameters["properties"]["title"]
    assert set(title) == {"type", "description"}
    assert len(title["description"]) <= 160
    assert "\n" not in title["description"]
    assert made.parameters["properties"]["count"] == {"type": "integer", "minimum": 0}
    schema_grammar(calls_schema((made,), least=1, most=1))


def _nested(levels: int) -> dict[str, Any]:
    schema: dict[str, Any] = {"type": "string"}
    for _ in range(levels):
        schema = {"type": "object", "properties": {"in": schema}}
    return schema


@pytest.mark.parametrize(
    ("schema", "why"),
    [
        ({"type": "string"}, "are no object"),
        (_nested(40), "nested more than"),
        ({"properties": {f"p{n}": {"enum": ["x" * 100]} for n in range(LARGEST_SCHEMA // 100)}}, "at most 8192"),
    ],
)
def test_an_unusable_schema_is_refused_by_name(schema: dict[str, Any], why: str) -> None:
    with pytest.raises(ToolError, match=f"^a/b: .*{why}"):
        offer("a/b", None, schema)


def referring(**schema: Any) -> dict[str, Any]:
    return {"type": "object", "properties": {"x": {"$ref": "#/$defs/0"}}, "$defs": schema}


@pytest.mark.parametrize(
    ("schema", "why"),
    [
        (referring(**{"0": {"$ref": "http://127.0.0.1:9/secret"}}), "refers to 'http://127.0.0.1:9/secret'"),
        (referring(**{"0": {"$ref": "file:///etc/passwd"}}), "which is not in it"),
        (referring(**{"0": {"$dynamicRef": "other.json#x"}}), "which is not in it"),
        ({"properties": {"enum": {"$ref": "http://127.0.0.1:9/x"}}}, "which is not in it"),
        (referring(), "refers to '#/$defs/0', which is not in it"),
        (
            referring(**{str(n): {"allOf": [{"$ref": f"#/$defs/{n + 1}"}] * 2} for n in range(40)}, **{"40": {}}),
            "more than 10000 parts once its references are followed",
        ),
    ],
)
def test_a_schema_that_leads_out_of_itself_or_on_and_on_is_refused(schema: dict[str, Any], why: str) -> None:
    with pytest.raises(ToolError, match=re.escape(why)):
        offer("shop/x", "", schema)


def test_a_schema_may_refer_to_its_own_parts() -> None:
    tree = {"type": "object", "properties": {"next": {"$ref": "#/$defs/0"}, "$ref": {"const": {"$ref": "elsewhere"}}}}
    offered = {"shop/x": offer("shop/x", "", referring(**{"0": tree}))}
    check(PlannedCall(tool="shop/x", arguments={"x": {"next": {"next": {}}}}), offered)
    with pytest.raises(ToolError, match="its arguments are wrong"):
        check(PlannedCall(tool="shop/x", arguments={"x": {"next": {"next": 1}}}), offered)


def test_checking_arguments_fetches_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    fetched: list[object] = []
    monkeypatch.setattr("urllib.request.urlopen", fetched.append)
    for target in ("http://127.0.0.1:9/secret", "#"):
        tool = ToolOffer("shop/x", "", {"type": "object", "allOf": [{"$ref": target}]})
        with pytest.raises(ToolError, match="its schema cannot be used"):
            check(PlannedCall(tool="shop/x"), {"shop/x": tool})
    assert not fetched
