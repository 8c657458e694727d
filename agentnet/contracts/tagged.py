"""Values that are written as a mapping with one key, and unions of them that are read by that key."""

from __future__ import annotations

from dataclasses import dataclass
from functools import reduce
from operator import or_
from typing import Annotated, Any, ClassVar, Literal, get_args, get_origin

from pydantic import (
    BaseModel,
    BeforeValidator,
    Discriminator,
    GetCoreSchemaHandler,
    GetJsonSchemaHandler,
    Tag,
    model_serializer,
    model_validator,
)
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema

from agentnet.contracts.base import FileModel
from agentnet.files.names import suggestion


class TaggedModel(FileModel):
    """A value that is written as a mapping with one key, its `kind`."""

    kind: ClassVar[str]
    bare: ClassVar[dict[str, Any] | None] = None
    """JSON Schema of the bare string that may replace the whole mapping, if any."""

    @model_validator(mode="before")
    @classmethod
    def _unwrap(cls, value: Any) -> Any:
        if isinstance(value, dict) and set(value) == {cls.kind}:
            value = value[cls.kind]
            if not isinstance(value, dict):
                value = {cls._main_field(): value}
        elif isinstance(value, str):
            value = {} if cls.bare == {"const": value} else {cls._main_field(): value}
        return value

    @model_serializer(mode="plain")
    def _wrap(self) -> Any:
        return {self.kind: {name: _data(getattr(self, name)) for name in type(self).model_fields if self._is_set(name)}}

    def _is_set(self, name: str) -> bool:
        """Whether the field differs from its default."""
        return bool(getattr(self, name) != type(self).model_fields[name].get_default())

    @classmethod
    def _main_field(cls) -> str:
        """The field that takes a value that is not a mapping."""
        return next(iter(cls.model_fields))

    @classmethod
    def __get_pydantic_json_schema__(cls, core_schema: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        inner = handler.resolve_ref_schema(handler(core_schema))
        fields = {name: inner.pop(name) for name in list(inner) if name not in ("title", "description")}
        content = {"anyOf": [fields, fields["properties"][cls._main_field()]]}
        keyed = {
            "type": "object",
            "properties": {cls.kind: content},
            "required": [cls.kind],
            "additionalProperties": False,
        }
        inner["anyOf"] = [keyed, cls.bare] if cls.bare else [keyed]
        return inner


def _data(value: object) -> Any:
    """Plain data of a field's value, in the shortest form that reads back as the same."""
    if isinstance(value, tuple):
        return [_data(part) for part in value]
    if isinstance(value, dict):
        return {key: _data(part) for key, part in value.items()}
    return value.model_dump(mode="json", exclude_unset=True) if isinstance(value, BaseModel) else value


WORD = "a word"
"""The tag of a value that is one of a union's words. No kind has this name."""


@dataclass(frozen=True)
class OneOf:
    """An annotation that reads a value as the type that its tag names, and refuses an unknown tag with a suggestion."""

    what: str
    """The union's name in error messages."""
    bare: str | None = None
    """The kind of every bare string; None reads a bare string as a tag."""

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        parts = get_args(source)
        words = [word for part in parts if get_origin(part) is Literal for word in get_args(part)]
        models = [part.kind for part in parts if get_origin(part) is not Literal]
        tagged = [Annotated[part, Tag(getattr(part, "kind", WORD))] for part in parts]

        def tag_of(value: object) -> str | None:
            if isinstance(value, TaggedModel):
                return value.kind
            if isinstance(value, dict) and len(value) == 1:
                return str(next(iter(value)))
            if isinstance(value, str):
                return self.bare or (WORD if value in words else value)
            return None

        def known(value: Any) -> Any:
            tag, names = tag_of(value), (*words, *models)
            if tag is None:
                raise ValueError(f"expected a {self.what}: a mapping with one key out of {', '.join(names)}")
            if tag != WORD and tag not in models:
                raise ValueError(f"unknown {self.what} {tag!r}{suggestion(tag, names)} (known: {', '.join(names)})")
            return value

        union = reduce(or_, tagged)
        return handler.generate_schema(Annotated[union, Discriminator(tag_of), BeforeValidator(known)])
