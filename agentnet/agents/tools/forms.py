"""The forms in which models write calls: JSON that a schema holds them to, or bare values; and reading both.

Nothing is guessed: what is not a call of an offered tool raises `ReplyError`. The numbers that a call may hold can be
narrowed to those of the task, so that no other can be written.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any

from agentnet.contracts.base import shown
from agentnet.contracts.bodies import PlannedCall
from agentnet.errors import ReplyError, ToolError
from agentnet.models.base import ToolOffer
from agentnet.prompts.words import one_line

_NUMBER = re.compile(r"\d{1,3}(?:,\d{3})+(?:\.\d+)?(?!\d)|\d+(?:\.\d+)?")
MOST_NUMBERS, MOST_DIGITS, LONGEST_NAME = 32, 30, 200
_INTEGER, _DECIMAL = r"-?[0-9]{1,30}", r"-?[0-9]{1,30}(?:\.[0-9]{1,15})?"


def numbers_in(text: str) -> tuple[int | float, ...]:
    """Return the numbers that a text states, each once, in their order; at most `MOST_NUMBERS`."""
    found: dict[int | float, None] = {}
    for written in _NUMBER.findall(text):
        plain = written.replace(",", "")
        if len(plain) <= MOST_DIGITS:
            found[float(plain) if "." in plain else int(plain)] = None
    return tuple(found)[:MOST_NUMBERS]


def with_numbers(offer: ToolOffer, numbers: Sequence[int | float]) -> ToolOffer | None:
    """Return a tool whose numbers have to be among some; None if it needs one and there is none."""
    narrowed = _narrowed(offer.parameters, numbers)
    return None if narrowed is None else ToolOffer(offer.name, offer.description, narrowed)


def _narrowed(schema: Any, numbers: Sequence[int | float]) -> Any:
    """Return a schema with enumerations in place of its numbers; None where there is none to enumerate."""
    if isinstance(schema, list):
        parts = [_narrowed(part, numbers) for part in schema]
        return None if None in parts else parts
    if not isinstance(schema, dict):
        return schema
    kinds = schema.get("type")
    kinds = set(kinds) if isinstance(kinds, list) else {kinds}
    if kinds & {"integer", "number"} and not schema.keys() & {"enum", "const"}:
        choices: list[Any] = [number for number in numbers if "number" in kinds or isinstance(number, int)]
        if not choices:
            return None
        return {"enum": choices + ([None] if "null" in kinds else [])} | _described(schema)
    narrowed = {}
    for key, part in schema.items():
        if key in ("enum", "const", "required", "pattern"):
            narrowed[key] = part
        elif key in ("properties", "$defs", "definitions") and isinstance(part, dict):
            narrowed[key] = {name: _narrowed(each, numbers) for name, each in part.items()}
            if None in narrowed[key].values():
                return None
        elif (changed := _narrowed(part, numbers)) is None and part is not None:
            return None
        else:
            narrowed[key] = changed
    return narrowed


def _described(schema: Mapping[str, Any]) -> dict[str, Any]:
    return {"description": schema["description"]} if "description" in schema else {}


def calls_schema(offers: Sequence[ToolOffer], *, least: int, most: int) -> dict[str, Any]:
    """Return the JSON Schema of ``{"calls": [{"tool": …, "arguments": …}, …]}`` for some tools."""
    shared: dict[str, Any] = {}
    forms = []
    for index, offer in enumerate(offers):
        arguments = _hoisted(dict(offer.parameters), index, shared)
        forms.append(_object(tool={"const": offer.name}, arguments=arguments))
    items = forms[0] if len(forms) == 1 else {"anyOf": forms}
    schema = _object(calls={"type": "array", "items": items, "minItems": least, "maxItems": most})
    return schema | ({"$defs": shared} if shared else {})


def _hoisted(schema: dict[str, Any], index: int, shared: dict[str, Any]) -> Any:
    """Return a schema whose definitions are among the `shared` ones of the whole, under names of their own."""
    for key in ("$defs", "definitions"):
        for name, part in schema.pop(key, {}).items():
            shared[f"{index}.{name}"] = _referring(part, index)
    return _referring(schema, index)


def _referring(part: Any, index: int) -> Any:
    if isinstance(part, list):
        return [_referring(each, index) for each in part]
    if not isinstance(part, dict):
        return part
    changed = {key: _referring(value, index) for key, value in part.items()}
    target = changed.get("$ref")
    if isinstance(target, str):
        changed["$ref"] = re.sub(r"^#/(?:\$defs|definitions)/", f"#/$defs/{index}.", target)
    return changed


def _object(**properties: Any) -> dict[str, Any]:
    return {"type": "object", "properties": properties, "required": list(properties), "additionalProperties": False}


def read_calls(text: str, most: int) -> tuple[PlannedCall, ...]:
    """Return the calls of a JSON reply, the first `most` of them. Raises `ReplyError`."""
    value = _json(text)
    calls = value.get("calls") if isinstance(value, dict) else None
    if not isinstance(calls, list):
        raise ReplyError("the planned calls are no JSON object with a list `calls`")
    return tuple(_planned(call) for call in calls[:most])


def _planned(call: object) -> PlannedCall:
    arguments = call.get("arguments", {}) if isinstance(call, dict) else None
    if not isinstance(call, dict) or not isinstance(call.get("tool"), str) or not isinstance(arguments, dict):
        raise ReplyError("a planned call has no tool, or its arguments are no object")
    return PlannedCall(tool=one_line(call["tool"], LONGEST_NAME), arguments=arguments)


def read_function(tool: str, arguments: str) -> PlannedCall:
    """Return a call in OpenAI's form: the called function's tool, and its arguments as JSON. Raises `ReplyError`."""
    return _planned({"tool": tool, "arguments": _json(arguments or "{}")})


def check(call: PlannedCall, offers: Mapping[str, ToolOffer]) -> None:
    """Raise `ToolError` for a call of a tool that is not offered, or with arguments that its schema does not admit."""
    from jsonschema import Draft202012Validator
    from jsonschema.exceptions import ValidationError
    from referencing import Registry

    if call.tool not in offers:
        raise ToolError(f"{call.tool}: no tool that may be called here (those are {', '.join(offers) or 'none'})")
    try:
        schema = _without_patterns(offers[call.tool].parameters)
        Draft202012Validator(schema, registry=Registry()).validate(call.arguments)  # by default, it fetches schemas
    except ValidationError as error:
        raise ToolError(f"{call.tool}: not called, its arguments are wrong: {shown(error.message, 200)}") from error
    except Exception as error:  # whatever the server's schema leads to
        why = shown(f"{type(error).__name__}: {error}", 200)
        raise ToolError(f"{call.tool}: not called, its schema cannot be used: {why}") from error


def _without_patterns(part: Any) -> Any:
    """Return a schema without its patterns, which may take for ever to match: the server checks them itself."""
    if isinstance(part, list):
        return [_without_patterns(each) for each in part]
    if not isinstance(part, dict):
        return part
    return {
        key: _without_patterns(each)
        for key, each in part.items()
        if not (key == "pattern" and isinstance(each, str)) and key != "patternProperties"
    }


def _json(text: str) -> Any:
    def refuse(name: str) -> Any:
        raise ValueError(f"{name} is no number of JSON")

    try:
        value = json.loads(text, parse_constant=refuse)
        json.dumps(value, ensure_ascii=False).encode()  # half a surrogate pair cannot be stored
    except (ValueError, RecursionError) as error:
        raise ReplyError(f"the planned calls are not JSON: {error}") from error
    return value


def values_pattern(offer: ToolOffer) -> str:
    """Return the regular expression of a call as bare values: those of all arguments, in the schema's order.

    Each argument is a group. Raises `ToolError` for a tool whose arguments are not all plain and required.
    """
    fields = offer.parameters.get("properties", {})
    if not fields or set(offer.parameters.get("required", ())) != set(fields):
        raise ToolError(f"{offer.name}: called with bare values, a tool must require all of its arguments")
    return "".join(f"({_value_pattern(offer.name, name, part)})" for name, part in fields.items())


def _value_pattern(tool: str, name: str, part: Mapping[str, Any]) -> str:
    if choices := part.get("enum"):
        return "|".join(re.escape(_plain(choice)) for choice in choices)
    if part.get("type") == "integer":
        return _INTEGER
    if part.get("type") == "number":
        return _DECIMAL
    raise ToolError(f"{tool}: called with bare values, its argument {name} must be a number or one of an enumeration")


def read_values(text: str, offer: ToolOffer) -> PlannedCall:
    """Return a call that was written as bare values. Raises `ReplyError`."""
    match = re.fullmatch(values_pattern(offer), text.strip())
    if match is None:
        raise ReplyError(f"{text[:80]!r} is no call of {offer.name}")
    fields = offer.parameters["properties"]
    values = {name: _value(part, written) for (name, part), written in zip(fields.items(), match.groups(), strict=True)}
    return PlannedCall(tool=offer.name, arguments=values)


def _value(part: Mapping[str, Any], written: str) -> Any:
    for choice in part.get("enum", ()):
        if _plain(choice) == written:
            return choice
    return int(written) if part.get("type") == "integer" else float(written)


def _plain(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value)
