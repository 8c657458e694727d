"""JSON Schema to GBNF, the grammar language of llama.cpp (its grammars/README.md).

Every text of the grammar is JSON that obeys the schema: on one line, keys in the schema's order, at most one space
between two signs. The reverse need not hold (no further properties than the declared ones, one spelling of each
constant). What cannot be promised is refused by name instead of being left out.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from functools import lru_cache
from typing import Any

from agentnet.errors import SchemaUnsupported
from agentnet.models.llama.ranges import integers, numbers

MOST_REPEATS = 2000
"""llama.cpp refuses to repeat a rule more often."""

_REMARKS = {
    "$schema", "$id", "$comment", "$defs", "definitions", "title", "description", "default", "examples", "deprecated",
    "readOnly", "writeOnly", "format", "discriminator", "contentEncoding", "contentMediaType",
}  # fmt: skip
"""Keywords that say nothing about which values are right."""

_WHOLE: dict[str, tuple[str, ...]] = {
    "$ref": (), "const": ("type",), "enum": ("type",), "anyOf": (), "oneOf": (), "allOf": (),
}  # fmt: skip
"""Keywords that say it all, and what may stand beside them."""

_WORDS: dict[str, set[str]] = {
    "object": {"properties", "required", "additionalProperties"},
    "array": {"items", "prefixItems", "minItems", "maxItems"},
    "string": {"minLength", "maxLength"},
    "integer": set(),
    "number": {"minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum"},
}
"""The keywords of each type that replies are held to."""

_SHARED = {
    "ws": '" "?',
    "hex": "[0-9a-fA-F]",
    "char": r'[^"\\\x00-\x1F\x7F] | "\\" (["\\/bfnrt] | "u" ([0-9a-cA-CeEfF] hex hex hex | [dD] [0-7] hex hex))',
    "string": r'"\"" char* "\""',
    "natural": '"0" | [1-9] [0-9]{0,15}',
    "integer": '"-"? natural',
    "number": '"-"? natural ("." [0-9]{1,15})? ([eE] [-+]? [0-9]{1,2})?',
    "boolean": '"true" | "false"',
    "null": '"null"',
    "value": "object | array | string | number | boolean | null",
    "array": '"[" ws (value ("," ws value)*)? ws "]"',
    "object": '"{" ws (string ws ":" ws value ("," ws string ws ":" ws value)*)? ws "}"',
}
"""`char` leaves out control characters, which JSON wants escaped, and halves of surrogate pairs."""


def grammar_of(schema: Mapping[str, Any]) -> str:
    """The GBNF grammar of a JSON Schema. Raises `SchemaUnsupported` with the reason where there is none."""
    try:
        return _grammar(json.dumps(schema))
    except SchemaUnsupported as error:
        raise SchemaUnsupported(f"this JSON Schema has no grammar: {error}; simplify it there") from None
    except (TypeError, ValueError, AttributeError, RecursionError) as error:
        raise SchemaUnsupported(f"this is not a usable JSON Schema: {error}") from error


@lru_cache(maxsize=256)
def _grammar(text: str) -> str:
    return _Converter(json.loads(text)).grammar()


class _Converter:
    """Walks through one schema. Objects, arrays and references become rules; the rest is written in place."""

    def __init__(self, schema: Any) -> None:
        self._schema = schema
        self._rules: dict[str, str] = {}
        self._references: dict[str, str] = {}

    def grammar(self) -> str:
        root = self._expression(self._schema, "root")
        rules = {"root": root, **self._rules, **_SHARED}
        return "\n".join(f"{name} ::= {rule}" for name, rule in rules.items())

    def _expression(self, schema: Any, place: str) -> str:
        """A GBNF expression for a schema; `place` is where it stands, for messages."""
        if schema is True:
            return "value"
        if not isinstance(schema, dict):
            raise SchemaUnsupported(f"{place}: no value can obey {json.dumps(schema)}")
        keys = schema.keys() - _REMARKS
        for name, handled in _WHOLE.items():
            if name in keys:
                _refuse_beyond(keys, {name, *handled}, place)
                return self._whole(name, schema, place)
        kind = schema.get("type", next((kind for kind, words in _WORDS.items() if words & keys), None))
        kinds = kind if isinstance(kind, list) else [kind]
        _refuse_beyond(keys, {"type"}.union(*_WORDS.values()), place)
        return _choice([self._typed(each, schema, place) for each in kinds], place)

    def _whole(self, name: str, schema: dict[str, Any], place: str) -> str:
        """The expression of a keyword that says all there is to say."""
        said = schema[name]
        if name == "$ref":
            return self._reference(said, place)
        if name == "const":
            return _literal(said, place)
        if not isinstance(said, list) or (name == "allOf" and len(said) != 1):
            raise SchemaUnsupported(f"{place}: replies cannot be held to this {name!r}")
        if name == "enum":
            return _choice([_literal(value, place) for value in said], place)
        return _choice([self._expression(each, f"{place}/{name}/{i}") for i, each in enumerate(said)], place)

    def _typed(self, kind: object, schema: dict[str, Any], place: str) -> str:
        match kind:
            case None:
                return "value"
            case "null" | "boolean":
                return str(kind)
            case "string":
                size = _repeat("char", schema, "minLength", "maxLength", place)
                return rf'"\"" {size} "\""' if size != "char*" else "string"
            case "integer":
                return integers(schema, place)
            case "number":
                return numbers(schema, place)
            case "array":
                return self._array(schema, place)
            case "object":
                return self._object(schema, place)
        raise SchemaUnsupported(f"{place}: there is no type {kind!r}")

    def _array(self, schema: dict[str, Any], place: str) -> str:
        first = schema.get("prefixItems", [])
        if first:
            least, most = schema.get("minItems", 0), schema.get("maxItems", len(first))
            if least > len(first) or most < len(first):
                raise SchemaUnsupported(f"{place}: replies cannot be held to more or fewer items than 'prefixItems'")
            items = [self._expression(each, f"{place}/{i}") for i, each in enumerate(first)]
            return self._rule(place, '"[" ws ' + ' "," ws '.join(f"({item})" for item in items) + ' ws "]"')
        item = self._rule(f"{place}/item", self._expression(schema.get("items", True), f"{place}/item"))
        least, most = _bounds(schema, "minItems", "maxItems", place)
        if most == 0:
            return r'"[" ws "]"'
        more = {"minItems": max(0, least - 1)} | ({} if most is None else {"maxItems": most - 1})
        body = f'{item} {_repeat(f"""("," ws {item})""", more, "minItems", "maxItems", place)}'
        return self._rule(place, f'"[" ws {body if least else f"({body})?"} ws "]"')

    def _object(self, schema: dict[str, Any], place: str) -> str:
        fields: dict[str, Any] = dict(schema.get("properties", {}))
        required = set(schema.get("required", []))
        fields |= dict.fromkeys(sorted(required - fields.keys()), True)
        if not fields:
            return self._map(schema.get("additionalProperties", True), place)
        pairs = [
            (self._rule(f"{place}/{name}", f'{_literal(name, place)} ws ":" ws ({value})'), name in required)
            for name, value in ((name, self._expression(each, f"{place}/{name}")) for name, each in fields.items())
        ]
        return self._rule(place, f'"{{" ws {self._sequence(pairs, place)} ws "}}"')

    def _map(self, values: Any, place: str) -> str:
        if values is False:
            return r'"{" ws "}"'
        pair = self._rule(f"{place}/pair", f'string ws ":" ws ({self._expression(values, f"{place}/value")})')
        return self._rule(place, f'"{{" ws ({pair} ("," ws {pair})*)? ws "}}"')

    def _sequence(self, pairs: list[tuple[str, bool]], place: str) -> str:
        """Pairs in their order, the optional ones left out at will, with commas between those that are there."""
        starts: list[str] = []
        for start, (pair, required) in enumerate(pairs):
            rest = [f'"," ws {each}' if must else f'("," ws {each})?' for each, must in pairs[start + 1 :]]
            starts.append(" ".join([pair, *rest]))
            if required:
                return _choice(starts, place)
        return f"({' | '.join(starts)})?"

    def _reference(self, target: Any, place: str) -> str:
        if not isinstance(target, str) or not target.startswith("#"):
            raise SchemaUnsupported(f"{place}: only references within the schema are followed, not {target!r}")
        if target not in self._references:
            found = self._schema
            for part in target.removeprefix("#").split("/")[1:]:
                part = part.replace("~1", "/").replace("~0", "~")
                if not isinstance(found, dict) or part not in found:
                    raise SchemaUnsupported(f"{place}: the schema has no {target}")
                found = found[part]
            self._references[target] = name = f"ref-{len(self._references)}"
            self._rules[name] = self._expression(found, target)
        return self._references[target]

    def _rule(self, place: str, expression: str) -> str:
        name = f"{re.sub(r'[^a-zA-Z0-9]+', '-', place).strip('-')}-{len(self._rules)}"
        self._rules[name] = expression
        return name


def _choice(expressions: Iterable[str], place: str) -> str:
    found = list(dict.fromkeys(expressions))
    if not found:
        raise SchemaUnsupported(f"{place}: no value can obey an empty list")
    return found[0] if len(found) == 1 else f"({' | '.join(found)})"


def _literal(value: Any, place: str) -> str:
    text = json.dumps(value, ensure_ascii=False)
    if re.search("[\ud800-\udfff]", text):
        raise SchemaUnsupported(f"{place}: half of a surrogate pair cannot be written")
    return '"{}"'.format(text.replace("\\", "\\\\").replace('"', '\\"').replace("\x7f", "\\x7F"))


def _bounds(schema: Mapping[str, Any], low: str, high: str, place: str) -> tuple[int, int | None]:
    least, most = schema.get(low, 0), schema.get(high)
    for name, bound in ((low, least), (high, most)):
        if bound is not None and (not isinstance(bound, int) or not 0 <= bound <= MOST_REPEATS):
            raise SchemaUnsupported(f"{place}: {name!r} must lie between 0 and {MOST_REPEATS} for llama.cpp")
    if most is not None and most < least:
        raise SchemaUnsupported(f"{place}: {low!r} is above {high!r}")
    return least, most


def _repeat(item: str, schema: Mapping[str, Any], low: str, high: str, place: str) -> str:
    least, most = _bounds(schema, low, high, place)
    if most is None:
        return f"{item}*" if least == 0 else f"{item}{{{least},}}"
    return f"{item}{{{least},{most}}}" if most else ""


def _refuse_beyond(keys: Iterable[str], allowed: set[str], place: str) -> None:
    if beyond := sorted(set(keys) - allowed):
        raise SchemaUnsupported(f"{place}: replies cannot be held to {', '.join(map(repr, beyond))}")
