"""The form of a reply: a JSON Schema, a regular expression, or a Lark grammar.

llguidance reads all three (its docs/json_schema.md and docs/syntax.md say what it knows). A form is checked where it is
read, without a model: what replies cannot be held to is refused by name instead of being left out.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterator, Mapping
from itertools import islice
from typing import TYPE_CHECKING, Any, TypeGuard

from pydantic import Field, model_validator

from agentnet.contracts.base import FileModel
from agentnet.errors import SchemaUnsupported

if TYPE_CHECKING:
    from llguidance._lib import JsonCompileOptions

_COMPACT: JsonCompileOptions = {
    "whitespace_flexible": False,
    "item_separator": ",",
    "key_separator": ":",
    "lenient": True,
}
"""JSON without spaces, which could go on for ever. Lenient: llguidance then tells everything that it leaves out."""

_HARMLESS = "Unknown format"
"""A `format` that llguidance does not know says nothing about which values are right: JSON Schema calls it a remark."""

_OPEN = ("additionalProperties", "patternProperties")
"""Keywords that say something about undeclared properties."""
DEEPEST, MOST_RULES = 250, 500
"""Levels of a schema through its references, and rules of a Lark grammar. llguidance reads both recursively: thousands
of them would overflow its stack, which ends the process."""
MOST_PARTS = 500
"""How many parts of a refused schema are looked at for the place of what is refused."""
_VALUES = {"const", "enum", "default", "examples", "required", "x-guidance"}
"""Keywords whose values are no schemas."""
_NAMED = {"properties", "patternProperties", "$defs", "definitions", "dependentSchemas"}
"""Keywords whose values map names to schemas."""


class Format(FileModel):
    """The form of a free reply: exactly one of these. The reply as a whole has it, from its first character on."""

    regex: str | None = Field(default=None, description="a regular expression, without look-around")
    lark: str | None = Field(default=None, description="a grammar in the syntax of Lark, whose first rule is `start`")
    json_schema: dict[str, Any] | None = Field(default=None, description="a JSON Schema; the reply is compact JSON")

    @model_validator(mode="before")
    @classmethod
    def _is_a_mapping(cls, value: Any) -> Any:
        if isinstance(value, str):
            raise ValueError("a form is a mapping with one of regex, lark and json_schema: write `{regex: …}`")
        return value

    @model_validator(mode="after")
    def _usable(self) -> Format:
        if len(self.model_fields_set & set(type(self).model_fields)) != 1 or self.kind is None:
            raise ValueError("give exactly one of regex, lark and json_schema")
        try:
            self.grammar()
        except SchemaUnsupported as error:
            raise ValueError(str(error)) from error
        return self

    def __eq__(self, other: object) -> bool:
        # Compared as texts: Python holds `const: 1` and `const: true` equal, and ignores the order of properties.
        return isinstance(other, Format) and self.model_dump_json() == other.model_dump_json()

    def __hash__(self) -> int:
        return hash(self.model_dump_json())

    @property
    def kind(self) -> str | None:
        """Return which one is given."""
        return next((name for name in type(self).model_fields if getattr(self, name) is not None), None)

    def grammar(self) -> str:
        """Return the form as llguidance reads it. Raises `SchemaUnsupported` where replies cannot be held to it."""
        if self.regex is not None:
            return regex_grammar(self.regex)
        if self.lark is not None:
            return lark_grammar(self.lark)
        return schema_grammar(self.json_schema or {})


def schema_grammar(schema: Mapping[str, Any]) -> str:
    """Return the grammar of the compact JSON texts that obey a schema, in llguidance's own form.

    Keys come in the schema's order. Raises `SchemaUnsupported` with what and where.
    """
    if not isinstance(schema, Mapping):
        raise SchemaUnsupported(f"a JSON Schema is a mapping here, not {schema!r}")
    try:
        plain = {key: value for key, value in schema.items() if key != "x-guidance"}
        text = json.dumps(plain, ensure_ascii=False)
        text.encode()
        return _schema_grammar(text)
    except SchemaUnsupported as error:
        raise SchemaUnsupported(f"replies cannot be held to this JSON Schema: {error}") from None
    except (TypeError, ValueError, RecursionError) as error:
        raise SchemaUnsupported(f"this is not a usable JSON Schema: {error}") from error


def regex_grammar(pattern: str) -> str:
    r"""Return the grammar of a regular expression, in which ``\d`` is a digit from 0 to 9.

    Raises `SchemaUnsupported` with the reason.
    """
    from llguidance import LLMatcher, regex_to_lark

    grammar = LLMatcher.grammar_from_regex(regex_to_lark(pattern, "d"))
    failed, messages = LLMatcher.validate_grammar_with_warnings(grammar)
    # llguidance tells the place in a grammar of its own around the expression.
    _refuse("not a usable regular expression", failed, [re.sub(r"^at .*?: ", "", message) for message in messages])
    return grammar


def lark_grammar(text: str) -> str:
    """Return a Lark grammar as llguidance reads it. Raises `SchemaUnsupported` with the reason and where."""
    from llguidance import LLMatcher

    if len(re.findall(r"^\s*[\w!?.-]+[^:\n]*:", text, re.MULTILINE)) > MOST_RULES:
        raise SchemaUnsupported(f"not a usable Lark grammar: more than {MOST_RULES} rules")
    grammar = LLMatcher.grammar_from_lark(text)
    _refuse("not a usable Lark grammar", *LLMatcher.validate_grammar_with_warnings(grammar))
    return grammar


def _schema_grammar(text: str) -> str:
    schema = json.loads(text)
    _check_depth(schema, schema, {}, 0)
    for place, part in _parts(schema, "root"):
        least, needed = part.get("minProperties", 0), part.get("required", [])
        if isinstance(least, int) and isinstance(needed, list) and least > len(needed) + 1:
            # Names of further properties may come twice, and count once then.
            raise SchemaUnsupported(f"{place}: 'minProperties' asks for more than the names in 'required'")
    _check_bounds(schema)
    _close_objects(schema)
    grammar, problem = _compiled(json.dumps(schema, ensure_ascii=False))
    if problem:
        parts = islice(_parts(schema, "root"), MOST_PARTS)
        place = max((place for place, part in parts if _compiled(json.dumps(part))[1] == problem), key=len)
        raise SchemaUnsupported(f"{place}: {problem}")
    return grammar


def _check_depth(schema: Any, part: Any, followed: dict[str, int], depth: int) -> int:
    """Return how many levels a part of a schema has below it; each reference is followed once."""
    if depth > DEEPEST:
        raise SchemaUnsupported(f"it is nested more than {DEEPEST} levels deep")
    if isinstance(part, list):
        return max((_check_depth(schema, each, followed, depth) for each in part), default=0)
    if not isinstance(part, dict):
        return 0
    below = [_check_depth(schema, each, followed, depth + 1) for name, each in part.items() if name not in _VALUES]
    target = part.get("$ref")
    if isinstance(target, str):
        if target not in followed:
            followed[target] = 0
            followed[target] = _check_depth(schema, _referred(schema, target), followed, depth + 1)
        elif depth + followed[target] > DEEPEST:
            raise SchemaUnsupported(f"it is nested more than {DEEPEST} levels deep")
        below.append(followed[target])
    return 1 + max(below, default=0)


def _referred(schema: Any, target: str) -> Any:
    """Return the part of a schema that a reference names; None where it is elsewhere or not there."""
    found = schema
    for name in target.removeprefix("#").split("/")[1:] if target.startswith("#") else [target]:
        name = name.replace("~1", "/").replace("~0", "~")
        found = found.get(name) if isinstance(found, dict) else None
    return found


def _check_bounds(schema: Any) -> None:
    """Refuse an excluded whole number with the other bound within 1 of it: llguidance lets that number through.

    Where parts are combined, the bounds of different parts may apply to the same number.
    """
    parts = list(_parts(schema, "root"))
    together = any(_combines(part) for _, part in parts)
    for place, part in parts:
        for excluded, others, side in (
            ("exclusiveMinimum", ("maximum", "exclusiveMaximum"), 1),
            ("exclusiveMaximum", ("minimum", "exclusiveMinimum"), -1),
        ):
            bound = part.get(excluded)
            if not (_is_number(bound) and float(bound).is_integer()):
                continue
            near = [other.get(name) for _, other in (parts if together else [(place, part)]) for name in others]
            if any(_is_number(limit) and 0 < side * (limit - bound) < 1 for limit in near):
                raise SchemaUnsupported(
                    f"{place}: {excluded!r} of {bound:g} with another bound within 1 of it; use a bound that is allowed"
                )


def _is_number(value: object) -> TypeGuard[float]:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


def _close_objects(schema: Any) -> None:
    """Forbid undeclared properties where an object says nothing about them, so that replies do not run on with them.

    Schemas in which parts are combined stay open: what one part does not declare, another one may.
    """
    parts = [part for _, part in _parts(schema, "root")]
    if any(map(_combines, parts)):
        return
    for part in parts:
        fields, needed = part.get("properties"), part.get("required", [])
        if not isinstance(fields, dict) or not isinstance(needed, list) or part.keys() & {"minProperties", *_OPEN}:
            continue
        if all(name in fields for name in needed):
            part["additionalProperties"] = False


def _combines(part: dict[str, Any]) -> bool:
    applied = part.keys() & {"allOf", "anyOf", "oneOf", "$ref"}
    several = isinstance(part.get("allOf"), list) and len(part["allOf"]) > 1
    return several or len(applied) > 1 or bool(applied and part.keys() & {"properties", "required", *_OPEN})


def _compiled(schema: str) -> tuple[str, str]:
    """Return the grammar of a schema, and the first reason that replies cannot be held to it, if any."""
    from llguidance import LLMatcher

    grammar = LLMatcher.grammar_from_json_schema(schema, overrides=_COMPACT)
    failed, messages = LLMatcher.validate_grammar_with_warnings(grammar)
    problems = [message for message in messages if failed or not message.startswith(_HARMLESS)]
    return grammar, _readable(problems[0]) if problems else ""


def _refuse(what: str, failed: bool, messages: list[str]) -> None:
    if failed:
        raise SchemaUnsupported(f"{what}: {_readable(messages[0])}")
    if messages:
        raise SchemaUnsupported(f"{what}: control tokens such as <name> or <[1]> cannot be part of a reply")


def _readable(message: str) -> str:
    """Return llguidance's message as one line: its first, or the reason that the parser of regular expressions adds."""
    if message.startswith("oneOf"):
        return "the branches of 'oneOf' may overlap; use 'anyOf'"
    first = message.strip().partition("\n")[0].removesuffix("regex parse error:").removesuffix(": ")
    if reason := re.search(r"^error: (.*)$", message, re.MULTILINE):
        first = f"{first}: {reason[1]}" if first else f"invalid regular expression: {reason[1]}"
    first = re.sub(r"^Unimplemented keys: \[(.*)\]$", lambda keys: "unsupported " + keys[1].replace('"', "'"), first)
    return re.sub(r"^(?:at )?(\d+)\((\d+)\): ", r"line \1, column \2: ", first)


def _parts(schema: Any, place: str) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield every schema within a schema with its place, the outer ones first."""
    if isinstance(schema, list):
        for index, part in enumerate(schema):
            yield from _parts(part, f"{place}/{index}")
    if not isinstance(schema, dict):
        return
    yield place, schema
    for keyword, value in schema.items():
        if keyword in _NAMED and isinstance(value, dict):
            for name, part in value.items():
                yield from _parts(part, f"{place}/{name}")
        elif keyword not in _VALUES:
            yield from _parts(value, f"{place}/{keyword}")
