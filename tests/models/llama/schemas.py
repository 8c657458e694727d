"""JSON Schemas to hold replies to: generated ones, hard ones, and ones that must be refused."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st

names = st.text(st.characters(codec="utf-8"), max_size=4)
values = names | st.integers(-99, 99) | st.booleans() | st.none()


def _range(low: int, high: int) -> st.SearchStrategy[tuple[int, int]]:
    return st.tuples(st.integers(low, high), st.integers(low, high)).map(lambda ends: (min(ends), max(ends)))


leaves: st.SearchStrategy[dict[str, Any]] = st.one_of(
    st.sampled_from([{"type": "null"}, {"type": "boolean"}, {"type": "number"}, {"type": "integer"}, {}]),
    st.lists(values, min_size=1, max_size=3).map(lambda found: {"enum": found}),
    values.map(lambda value: {"const": value}),
    _range(0, 4).map(lambda ends: {"type": "string", "minLength": ends[0], "maxLength": ends[1]}),
    _range(-3000, 3000).map(lambda ends: {"type": "integer", "minimum": ends[0], "maximum": ends[1]}),
    _range(-30, 30).map(lambda ends: {"type": "number", "exclusiveMinimum": ends[0] / 4, "maximum": ends[1] / 4 + 1}),
    st.integers(1, 9).map(lambda step: {"type": "integer", "multipleOf": step, "minimum": 0}),
    st.sampled_from(["^[a-c]{1,3}$", "x+", r"^\d{2}-\d$"]).map(lambda rule: {"type": "string", "pattern": rule}),
)


def _branches(inner: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    def an_object(parts: tuple[dict[str, tuple[Any, bool]], list[str], Any]) -> dict[str, Any]:
        fields, more, rest = parts
        schema: dict[str, Any] = {
            "type": "object",
            "properties": {name: schema for name, (schema, _) in fields.items()},
            "required": sorted({name for name, (_, needed) in fields.items() if needed} | set(more)),
        }
        return schema if rest is None else schema | {"additionalProperties": rest}

    fields = st.dictionaries(names, st.tuples(inner, st.booleans()), max_size=3)
    return st.one_of(
        st.tuples(fields, st.lists(names, max_size=1), st.sampled_from([False, None]) | inner).map(an_object),
        st.tuples(inner, _range(0, 3)).map(
            lambda it: {"type": "array", "items": it[0], "minItems": it[1][0], "maxItems": it[1][1]}
        ),
        st.lists(inner, min_size=1, max_size=3).map(lambda found: {"anyOf": found}),
        st.lists(inner, min_size=1, max_size=3).map(lambda found: {"oneOf": found}),
        st.lists(inner, min_size=1, max_size=2).map(lambda found: {"allOf": found}),
        st.tuples(inner, inner).map(lambda two: {"prefixItems": [two[0]], "items": two[1], "maxItems": 2}),
        inner.map(lambda schema: {"not": schema}),
    )


def schemas() -> st.SearchStrategy[dict[str, Any]]:
    """Return schemas of every keyword that replies can be held to, and of some that they cannot."""
    whole = st.recursive(leaves, _branches, max_leaves=6)
    # Only around a whole schema: a reference within would lead to the outermost definitions.
    return whole | whole.map(
        lambda schema: {"$defs": {"part": schema}, "items": {"$ref": "#/$defs/part"}, "maxItems": 2}
    )


HARD: dict[str, dict[str, Any]] = {
    "a required name that is not declared": {
        "type": "object",
        "properties": {"a": {"enum": [1, 2]}},
        "required": ["b", "a"],
        "additionalProperties": {"type": "boolean"},
    },
    "oneOf with branches apart": {"oneOf": [{"type": "string", "maxLength": 2}, {"type": "integer", "maximum": 5}]},
    "oneOf told apart by a constant": {
        "oneOf": [
            {"type": "object", "properties": {"k": {"const": "x"}}, "required": ["k"]},
            {"type": "object", "properties": {"k": {"const": "y"}, "n": {"enum": [1]}}, "required": ["k"]},
        ]
    },
    "$ref within $id": {
        "$id": "https://example.invalid/outer",
        "$defs": {
            "inner": {"$id": "inner", "$defs": {"n": {"type": "boolean"}}, "$ref": "#/$defs/n"},
            "n": {"type": "null"},
        },
        "type": "object",
        "properties": {"a": {"$ref": "inner"}, "b": {"$ref": "#/$defs/n"}},
        "required": ["a", "b"],
    },
    "allOf that bounds both ways": {"type": "integer", "allOf": [{"minimum": 95}, {"maximum": 105}]},
    "allOf of objects": {
        "allOf": [
            {"type": "object", "properties": {"a": {"enum": ["p", "q"]}}, "required": ["a"]},
            {"properties": {"b": {"type": "boolean"}}, "required": ["b"], "maxProperties": 2},
        ]
    },
    "exclusive bounds": {"type": "integer", "exclusiveMinimum": -3, "exclusiveMaximum": 3},
    "bounds between whole numbers": {"type": "number", "minimum": 0.25, "maximum": 0.75},
    "multiples": {"type": "integer", "multipleOf": 7, "minimum": 0, "maximum": 500},
    "length counts characters": {"type": "string", "minLength": 3, "maxLength": 3, "pattern": "^[é好😀]+$"},
    "constants of every kind": {
        "enum": ["\x00\x1f\x7f", '\\"/', "é好😀", "\u2028", "", -1.5e-7, True, None, [], {"a": [1]}]
    },
    "names with quotes and escapes": {
        "type": "object",
        "properties": {'"': {"const": 1}, "\\": {"const": 2}, "\n": {"const": 3}},
        "required": ["\\", '"', "\n"],
    },
    "names by pattern": {
        "type": "object",
        "patternProperties": {"^a": {"enum": [1]}, "^b": {"enum": ["x"]}},
        "additionalProperties": False,
        "maxProperties": 2,
    },
    "one more name at most": {
        "type": "object",
        "properties": {"a": {"const": 1}, "b": {"const": 2}, "c": {"const": 3}},
        "required": ["a"],
        "maxProperties": 2,
    },
    "a tuple that is closed": {
        "type": "array",
        "prefixItems": [{"type": "boolean"}, {"enum": ["x"]}],
        "items": False,
        "minItems": 2,
    },
    "recursion": {
        "$defs": {"n": {"type": "object", "properties": {"n": {"anyOf": [{"$ref": "#/$defs/n"}, {"type": "null"}]}}}},
        "$ref": "#/$defs/n",
    },
    "formats": {
        "type": "object",
        "properties": {"d": {"type": "string", "format": "date"}, "u": {"format": "nonsense", "enum": ["x"]}},
        "required": ["d", "u"],
    },
    "types by name": {"type": ["boolean", "null", "integer"], "minimum": 7, "maximum": 9},
    "a name that is not a keyword": {
        "properties": {"uniqueItems": {"const": 1}},
        "required": ["uniqueItems"],
        "type": "object",
    },
}
"""Schemas that our replies must obey."""

REFUSED: list[tuple[Any, str]] = [
    ({"type": "object", "properties": {"a": {}}, "required": ["b"], "additionalProperties": False}, "root: .*'b'"),
    ({"oneOf": [{"type": "integer"}, {"type": "number", "minimum": 3}]}, "'oneOf' may overlap"),
    ({"type": "string", "pattern": "^[z-a]$"}, "invalid character class range"),
    ({"type": "string", "pattern": "(?=a)b"}, "look-around"),
    ({"type": "array", "items": {}, "uniqueItems": True}, "root: unsupported 'uniqueItems'"),
    ({"type": "object", "properties": {"a": {"not": {}}}}, "root/a: unsupported 'not'"),
    ({"type": "object", "minProperties": 2}, "root: 'minProperties'"),
    ({"if": {"type": "string"}, "then": {"maxLength": 3}}, "'if', 'then'"),
    ({"type": "number", "exclusiveMinimum": 0, "maximum": 0.5}, "root: 'exclusiveMinimum' of 0 with another bound"),
    ({"type": "number", "minimum": -1.5, "exclusiveMaximum": -1}, "root: 'exclusiveMaximum' of -1 with another bound"),
    (
        {"allOf": [{"type": "number", "exclusiveMinimum": 0}, {"type": "number", "maximum": 0.75}]},
        "root/allOf/0: 'exclusiveMinimum' of 0 with another bound",
    ),
    ({"type": "array", "items": [{"type": "integer"}, {"contains": {"const": 1}}]}, "items"),
    (
        {"properties": {"x": {"type": "integer", "minimum": 5, "maximum": 1}}, "required": ["x"], "type": "object"},
        "root: .*required property 'x' is unsatisfiable",
    ),
    (
        {"type": "object", "properties": {"a": {}, "b": {}, "c": {}}, "maxProperties": 2},
        "root: min/maxProperties only supported",
    ),
    ({"type": "nonsense"}, "nonsense"),
    ({"enum": []}, "empty"),
    ({"anyOf": []}, "empty"),
    ({"const": "\ud800"}, "surrogates not allowed"),
    ({"const": object()}, "not JSON serializable"),
    ({"properties": 5}, "properties must be an object"),
    ({"$ref": "#/$defs/x"}, "'/\\$defs/x' does not exist"),
    ({"$ref": "https://example.invalid/x.json"}, "example.invalid"),
    ({"$ref": "#"}, "cannot spell"),
    ({"$dynamicRef": "#x"}, "dynamicRef"),
    ({"dependentRequired": {"a": ["b"]}}, "dependentRequired"),
]
"""Schemas that are refused, and words of the reason."""
