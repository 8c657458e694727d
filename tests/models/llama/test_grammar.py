"""JSON Schema to grammar: what comes out of a model that knows nothing must be JSON that obeys the schema."""

from __future__ import annotations

import asyncio
import contextlib
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any, Literal

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydantic import BaseModel, Field, ValidationError

from agentnet.contracts.model_specs import LlamaSpec
from agentnet.contracts.sampling import Sampling
from agentnet.errors import SchemaUnsupported
from agentnet.models.base import Completion, Request
from agentnet.models.llama import LlamaModel
from agentnet.models.llama.grammar import grammar_of
from agentnet.models.llama.ranges import integers, numbers


@pytest.fixture(scope="module")
def model(random_file: Path) -> Iterator[LlamaModel]:
    opened = LlamaModel(random_file, LlamaSpec(path=str(random_file), context=4096, threads=1))
    yield opened
    asyncio.run(opened.close())


def reply(model: LlamaModel, schema: Any, seed: int | None = None, most: int = 300) -> Completion:
    sampling = Sampling(max_tokens=most, temperature=0.0 if seed is None else 1.5, seed=seed)
    return asyncio.run(model.generate(Request(({"role": "user", "content": "?"},), sampling, schema=schema)))


def obeys(value: Any, schema: Any) -> bool:
    """JSON Schema, as far as these tests use it."""
    if "enum" in schema:
        return any(type(value) is type(each) and value == each for each in schema["enum"])
    if "anyOf" in schema:
        return any(obeys(value, each) for each in schema["anyOf"])
    match schema.get("type"):
        case "null":
            return value is None
        case "boolean":
            return isinstance(value, bool)
        case "string":
            return isinstance(value, str) and schema["minLength"] <= len(value) <= schema["maxLength"]
        case "integer":
            return type(value) is int and schema.get("minimum", value) <= value <= schema.get("maximum", value)
        case "number":
            return type(value) in (int, float)
        case "array":
            right = isinstance(value, list) and schema["minItems"] <= len(value) <= schema["maxItems"]
            return right and all(obeys(each, schema["items"]) for each in value)
        case "object":
            fields = schema["properties"]
            return (
                isinstance(value, dict)
                and set(schema["required"]) <= value.keys() <= fields.keys()
                and all(obeys(each, fields[name]) for name, each in value.items())
            )
    return False


names = st.text(st.characters(codec="utf-8"), max_size=5)
leaves = st.one_of(
    st.sampled_from([{"type": "null"}, {"type": "boolean"}, {"type": "number"}, {"type": "integer"}]),
    st.lists(names | st.integers(-99, 99) | st.booleans() | st.none(), min_size=1, max_size=3).map(
        lambda found: {"enum": found}
    ),
    st.tuples(st.integers(0, 4), st.integers(0, 4)).map(
        lambda sizes: {"type": "string", "minLength": min(sizes), "maxLength": max(sizes)}
    ),
    st.tuples(st.integers(-3000, 3000), st.integers(-3000, 3000)).map(
        lambda bounds: {"type": "integer", "minimum": min(bounds), "maximum": max(bounds)}
    ),
)


def _branches(inner: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    def built(fields: dict[str, tuple[Any, bool]]) -> dict[str, Any]:
        return {
            "type": "object",
            "properties": {name: schema for name, (schema, _) in fields.items()},
            "required": [name for name, (_, needed) in fields.items() if needed],
            "additionalProperties": False,
        }

    return st.one_of(
        st.dictionaries(names, st.tuples(inner, st.booleans()), min_size=1, max_size=4).map(built),
        st.tuples(inner, st.integers(0, 3), st.integers(0, 3)).map(
            lambda it: {"type": "array", "items": it[0], "minItems": min(it[1:]), "maxItems": max(it[1:])}
        ),
        st.lists(inner, min_size=1, max_size=3).map(lambda found: {"anyOf": found}),
    )


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(schema=st.recursive(leaves, _branches, max_leaves=6), seed=st.integers(0, 99))
def test_whatever_is_said_obeys_the_schema(model: LlamaModel, schema: Any, seed: int) -> None:
    done = reply(model, schema, seed)
    if done.finish == "stop":
        assert obeys(json.loads(done.text), schema)


@settings(max_examples=30, deadline=None)
@given(st.recursive(names | st.integers(-(10**9), 10**9) | st.none() | st.booleans(), st.lists, max_leaves=5))
def test_a_constant_comes_out_as_it_is(model: LlamaModel, value: Any) -> None:
    assert json.loads(reply(model, {"const": value}, most=3000).text) == value


def test_strings_are_valid_json_whatever_the_model_prefers(model: LlamaModel) -> None:
    texts = [reply(model, {"type": "string", "minLength": 40, "maxLength": 40}, seed).text for seed in range(12)]
    assert all(len(json.loads(text)) == 40 for text in texts)
    assert any("\\" in text for text in texts)


class Node(BaseModel):
    value: Annotated[int, Field(ge=1, le=12)]
    next: Node | None = None


class Cat(BaseModel):
    kind: Literal["cat"]
    lives: int = Field(gt=0, lt=10)


class Dog(BaseModel):
    kind: Literal["dog"]
    friends: dict[str, bool]


class Plan(BaseModel):
    """As pydantic writes it: references, unions, tuples, bounds, remarks."""

    title: str = Field(min_length=1, max_length=10, description="short")
    sure: float = Field(ge=0, le=1)
    pair: tuple[bool, None]
    head: Node
    pet: Annotated[Cat | Dog, Field(discriminator="kind")]
    maybe: Literal["a", "b"] | None = None
    many: list[Literal["x", "y"]] = Field(min_length=2, max_length=3)


@pytest.mark.parametrize("seed", range(6))
def test_schemas_of_pydantic_hold(model: LlamaModel, seed: int) -> None:
    done = reply(model, Plan.model_json_schema(), seed, most=3000)
    assert done.finish == "stop"
    Plan.model_validate_json(done.text, strict=True)


def test_recursive_schemas_end(model: LlamaModel) -> None:
    depths = set()
    for seed in range(20):
        done = reply(model, Node.model_json_schema(), seed)
        try:
            depths.add(Node.model_validate_json(done.text).next is None)
        except ValidationError:
            assert done.finish == "length"
    assert depths


@pytest.mark.parametrize(
    ("schema", "says"),
    [
        ({"type": "string", "pattern": "^[z-a]$"}, "'pattern'"),
        ({"type": "string", "maxLength": 10**7}, "'maxLength'"),
        ({"type": "array", "minItems": 10**6}, "'minItems'"),
        ({"type": "array", "items": {}, "uniqueItems": True}, "'uniqueItems'"),
        ({"type": "object", "properties": {"a": {"not": {}}}}, r"root/a: .*'not'"),
        ({"type": "integer", "minimum": 5, "maximum": 1}, "between 5 and 1"),
        ({"type": "number", "minimum": 0.5}, "'minimum'"),
        ({"type": "nonsense"}, "nonsense"),
        ({"enum": []}, "empty"),
        ({"anyOf": []}, "empty"),
        ({"const": "\ud800"}, "surrogate"),
        ({"const": object()}, "not JSON serializable"),
        ({"properties": 5}, "JSON Schema"),
        ({"properties": {"a": False}}, "no value"),
        ({"$ref": "#/$defs/x"}, "the schema has no"),
        ({"$ref": "https://example.invalid/x.json"}, "within the schema"),
        ({"$ref": "#"}, "left recursion"),
        ({"$defs": {"n": {"anyOf": [{"$ref": "#/$defs/n"}, {}]}}, "$ref": "#/$defs/n"}, "left recursion"),
    ],
)
def test_what_cannot_be_promised_is_refused_by_name(model: LlamaModel, schema: Any, says: str) -> None:
    with pytest.raises(SchemaUnsupported, match=says) as caught:
        reply(model, schema)
    assert "\n" not in str(caught.value)
    assert reply(model, {"const": 1}).text == "1"


def test_a_schema_of_any_depth_is_read_or_refused(model: LlamaModel) -> None:
    for depth in (50, 5000):
        schema: Any = {"const": 1}
        for _ in range(depth):
            schema = {"type": "array", "items": schema, "minItems": 1, "maxItems": 1}
        if depth == 50:
            assert json.loads(reply(model, schema).text)
        else:
            with pytest.raises(SchemaUnsupported):
                reply(model, schema)


@settings(max_examples=80, deadline=None)
@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(max_size=3),
        lambda inner: (
            st.lists(inner, max_size=3)
            | st.dictionaries(
                st.sampled_from(
                    ["type", "properties", "required", "items", "enum", "anyOf", "$ref", "$defs", "minimum", "minItems"]
                )
                | st.text(max_size=3),
                inner | st.sampled_from(["object", "array", "string", "integer", "number", "#", "#/$defs"]),
                max_size=4,
            )
        ),
        max_leaves=12,
    ).filter(lambda schema: isinstance(schema, dict))
)
def test_any_object_becomes_a_grammar_or_a_typed_refusal(schema: Any) -> None:
    with contextlib.suppress(SchemaUnsupported):
        assert grammar_of(schema).startswith("root ::= ")


def _as_regex(expression: str) -> re.Pattern[str]:
    """The expressions of `ranges` are regular expressions but for quotes and spaces."""
    text = expression.replace("natural", "(?:0|[1-9][0-9]{0,15})").replace("integer", "-?(?:0|[1-9][0-9]*)")
    return re.compile(text.replace('"."', r"\.").replace('"', "").replace(" ", ""))


@given(st.integers(-20_000, 20_000), st.integers(-20_000, 20_000), st.data())
def test_an_integer_range_is_exact(one: int, other: int, data: st.DataObject) -> None:
    low, high = sorted((one, other))
    pattern = _as_regex(integers({"minimum": low, "maximum": high}, "here"))
    near = st.sampled_from([low, high, 0, 9, 10, 99, 100, 999, 1000]).flatmap(lambda at: st.integers(at - 3, at + 3))
    for value in data.draw(st.lists(near | st.integers(low, high) | st.integers(), min_size=10, max_size=30)):
        assert bool(pattern.fullmatch(str(value))) == (low <= value <= high)
    assert not pattern.fullmatch("-0")
    assert not pattern.fullmatch(f"0{high}")


@given(st.integers(-(10**6), 10**6), st.integers(-(10**7), 10**7))
def test_ranges_with_one_end(bound: int, value: int) -> None:
    assert bool(_as_regex(integers({"minimum": bound}, "")).fullmatch(str(value))) == (value >= bound)
    assert bool(_as_regex(integers({"maximum": bound}, "")).fullmatch(str(value))) == (value <= bound)
    assert bool(_as_regex(integers({"exclusiveMinimum": bound}, "")).fullmatch(str(value))) == (value > bound)
    assert bool(_as_regex(integers({"exclusiveMaximum": bound - 0.5}, "")).fullmatch(str(value))) == (value < bound)


@given(st.integers(0, 50), st.integers(0, 50), st.decimals(0, 60, places=2))
def test_a_number_range_is_exact(one: int, other: int, value: Any) -> None:
    low, high = sorted((one, other))
    pattern = _as_regex(numbers({"minimum": low, "maximum": high}, "here"))
    assert bool(pattern.fullmatch(str(value))) == (low <= value <= high)
