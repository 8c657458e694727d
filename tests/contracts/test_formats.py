"""The form of a reply: what is written in a protocol is checked when it is read."""

from __future__ import annotations

import json
from typing import Any

import pytest
import yaml
from pydantic import ValidationError

from agentnet.collab.inline import protocol_from
from agentnet.contracts.base import first_problem
from agentnet.contracts.formats import Format, schema_grammar
from agentnet.contracts.protocols import Ask, ProtocolSpec
from agentnet.errors import ProtocolError, SchemaUnsupported


@pytest.mark.parametrize("form", [{"regex": "[0-9]+"}, {"lark": 'start: "a"'}, {"json_schema": {"enum": [1]}}])
def test_yaml_and_python_say_the_same(form: dict[str, Any]) -> None:
    text = yaml.safe_dump({"name": "x", "summary": "x", "protocol": {"ask": {"agent": "ada", "format": form}}})
    read = ProtocolSpec.model_validate(yaml.safe_load(text))
    assert read.protocol == Ask(agent="ada", format=Format(**form))
    assert ProtocolSpec.model_validate_json(read.model_dump_json()) == read
    assert json.loads(read.model_dump_json())["protocol"] == {"ask": {"agent": "ada", "format": form}}


def test_forms_are_equal_if_they_hold_replies_to_the_same() -> None:
    def read(schema: dict[str, Any]) -> Format:
        return Format(json_schema=schema)

    same = {read({"enum": [1]}), read({"enum": [1]})}
    assert len(same) == 1
    assert read({"const": 1}) != read({"const": True})
    first, second = {"a": {"type": "null"}}, {"b": {"type": "null"}}
    assert read({"properties": first | second}) != read({"properties": second | first})


@pytest.mark.parametrize(
    ("form", "says"),
    [
        ({"regex": "(a"}, "protocol.ask.format: not a usable regular expression: .*unclosed group"),
        ({"regex": r"a\b"}, "lookarounds not supported"),
        ({"lark": 'start: "a" b\n'}, 'not a usable Lark grammar: line 1, column 8: unknown name: "b"'),
        ({"lark": 'begin: "a"'}, "no start rule"),
        ({"lark": "start: <think>"}, "control tokens"),
        ({"lark": "start: <[5]>"}, "control tokens"),
        ({"json_schema": {"items": {"not": {}}}}, "this JSON Schema: root/items: unsupported 'not'"),
        ({}, "exactly one of regex, lark and json_schema"),
        ({"regex": "a", "lark": "b"}, "exactly one of"),
        ({"regex": None}, "exactly one of"),
        ({"gbnf": "root ::= a"}, "Extra inputs"),
    ],
)
def test_what_cannot_be_used_is_refused_in_one_line(form: dict[str, Any], says: str) -> None:
    with pytest.raises(ValidationError) as caught:
        ProtocolSpec.model_validate({"name": "x", "summary": "x", "protocol": {"ask": {"agent": "a", "format": form}}})
    problem = first_problem(caught.value)
    assert "\n" not in problem
    with pytest.raises(AssertionError, match=says):
        raise AssertionError(problem)


def test_the_place_is_that_of_the_part_which_is_refused() -> None:
    right, wrong = {"type": "array", "maxItems": 1}, {"type": "array", "uniqueItems": True}
    pair = {"type": "array", "prefixItems": [right, wrong], "minItems": 2}
    schema = {"type": "object", "properties": {"a": right, "b": pair}, "required": ["b"]}
    with pytest.raises(SchemaUnsupported, match="Schema: root/b/prefixItems/1: unsupported 'uniqueItems'"):
        schema_grammar(schema)


def test_an_object_is_closed_unless_its_schema_speaks_of_other_properties() -> None:
    fields = {"type": "object", "properties": {"a": {"const": 1}}}
    assert json.loads(schema_grammar(fields))["grammars"][0]["json_schema"]["additionalProperties"] is False
    others: list[dict[str, Any]] = [
        {"additionalProperties": True},
        {"patternProperties": {"^b": {}}},
        {"allOf": [{}, {}]},
    ]
    for more in others:
        grammar = json.loads(schema_grammar(fields | more))["grammars"][0]["json_schema"]
        assert grammar.get("additionalProperties") is not False


def test_a_bare_text_is_no_form() -> None:
    with pytest.raises(ProtocolError, match=r"protocol\.ask\.format: a form is a mapping .* write `\{regex: …\}`"):
        protocol_from({"ask": {"agent": "scout", "format": "[0-9]+"}})
