"""`PlainSerializer`: what may be in a checkpoint. Data, and LangGraph's own marks; never an object of a class."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from langgraph.checkpoint.serde.jsonplus import JsonPlusSerializer

from agentnet.errors import StoreError

_SCALARS = (str, int, float, bytes, type(None))
_MARKS = ("arg", "value", "update", "resume")
"""Where LangGraph's own objects (`Send`, `Interrupt`, `Command` …) carry a graph's data."""


class PlainSerializer(JsonPlusSerializer):
    """LangGraph's serializer, strict in both directions and whatever ``LANGGRAPH_STRICT_MSGPACK`` says.

    Writing refuses objects, with `StoreError`: read back they would silently have become something else. Reading never
    makes an instance of a class that a file names (beside LangGraph's list of harmless ones), and imports nothing.
    """

    def __init__(self) -> None:
        super().__init__(pickle_fallback=False, allowed_json_modules=None, allowed_msgpack_modules=None)

    def with_msgpack_allowlist(self, extra_allowlist: Iterable[tuple[str, ...] | type]) -> PlainSerializer:
        """Itself: the classes in a graph's annotations are no exception."""
        return self

    def dumps_typed(self, obj: Any) -> tuple[str, bytes]:
        _refuse_objects(obj)
        return super().dumps_typed(obj)


def _refuse_objects(value: Any) -> None:
    kind = type(value)
    if kind in _SCALARS or kind is bool or isinstance(value, BaseException):  # exceptions are stored as text
        return
    if isinstance(value, dict):
        for key, part in value.items():
            _refuse_objects(key)
            _refuse_objects(part)
    elif kind in (list, tuple, set, frozenset):
        for part in value:
            _refuse_objects(part)
    elif kind.__module__.partition(".")[0] == "langgraph":
        for name in _MARKS:
            _refuse_objects(getattr(value, name, None))
    else:
        raise StoreError(
            f"checkpoints hold plain data only, not a {kind.__module__}.{kind.__qualname__}: "
            "keep its JSON in the state, or its id"
        )
