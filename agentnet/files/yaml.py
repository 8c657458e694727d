"""Reading YAML files into pydantic types, with errors that name the file and the field."""

from __future__ import annotations

from collections.abc import Hashable, Iterable
from pathlib import Path
from typing import Any, TypeVar

import yaml
from pydantic import BaseModel, ValidationError

from agentnet.contracts.base import first_problem
from agentnet.errors import BadInput

T = TypeVar("T", bound=BaseModel)

MOST_BYTES = 16 * 2**20
MOST_LEVELS = 64
"""Levels of a file; the deepest that ships has a dozen."""
MOST_VALUES = 1_000_000
MOST_DIGITS = 100
"""Characters of a whole number, separators among them."""


def read_yaml(path: Path, kind: type[T], error: type[BadInput]) -> T:
    """Return the content of a YAML file as `kind`. Raises `error` with one line: file, field or line, problem."""
    try:
        if path.stat().st_size > MOST_BYTES:
            raise error(f"{path}: has more than {MOST_BYTES} bytes, which no such file needs")
        data = load_yaml(path.read_text(encoding="utf-8"))
    except OSError as problem:
        raise error(f"{path}: cannot be read ({problem.strerror})") from problem
    except UnicodeDecodeError as problem:
        raise error(f"{path}: is not a text file in UTF-8") from problem
    except NotYaml as problem:
        raise error(f"{path}:{problem}") from problem
    if not isinstance(data, dict):
        kind_name = "nothing" if data is None else type(data).__name__
        raise error(f"{path}: expected a mapping at the top, found {kind_name}")
    try:
        return kind.model_validate(data)
    except ValidationError as problem:
        raise error(f"{path}: {first_problem(problem)}") from problem


class NotYaml(ValueError):
    """A text cannot be read as YAML; one line that tells the problem, and where it is."""

    def __init__(self, problem: str, line: int | None = None) -> None:
        super().__init__(problem)
        self.line = line
        """The line of the text, from 1."""


def load_yaml(text: str) -> Any:
    """Return the value of a text in YAML. Raises `NotYaml`, also for a text that would take all time or memory."""
    try:
        return yaml.load(text, _Loader)
    except yaml.YAMLError as problem:
        mark = getattr(problem, "problem_mark", None)
        where = f" line {mark.line + 1}" if mark else ""
        what = " ".join(str(getattr(problem, "problem", None) or problem).split())
        raise NotYaml(f"{where} is not YAML: {what}", mark.line + 1 if mark else None) from problem
    except (ValueError, TypeError, AttributeError) as problem:  # of the loader, for a date that is none and the like
        raise NotYaml(f" is not YAML: a value cannot be read ({problem})") from problem


def line_of(text: str, field: Iterable[str]) -> int | None:
    """Return the line, from 1, of a field in a text that `load_yaml` reads: the last part of it that is there.

    A part is a key or an index. Parts that are no keys there are passed over, since paths may name more than the text
    writes. None where no part is there.
    """
    node, line = yaml.compose(text, _Loader), None
    for part in field:
        found = _part(node, part)
        if found is not None:
            node, line = found[0], found[1] + 1
    return line


def _part(node: yaml.Node | None, part: str) -> tuple[yaml.Node, int] | None:
    """Return the value at a key or an index, and its line, from 0."""
    if isinstance(node, yaml.MappingNode):
        return next(((value, key.start_mark.line) for key, value in node.value if key.value == part), None)
    if isinstance(node, yaml.SequenceNode) and part.isdecimal() and int(part) < len(node.value):
        value = node.value[int(part)]
        return value, value.start_mark.line
    return None


class _Loader(yaml.SafeLoader):
    """A YAML loader that refuses duplicate keys, of which the safe loader would silently drop the first, and bounds."""

    def __init__(self, text: str) -> None:
        super().__init__(text)
        self._depth = 0
        self._sizes: dict[int, int] = {}
        """Values within each node, those that its aliases repeat among them."""

    def compose_node(self, parent: yaml.Node | None, index: int) -> yaml.Node | None:
        self._depth += 1
        if self._depth > MOST_LEVELS:
            raise self._refusal(f"it is nested in more than {MOST_LEVELS} levels", self.peek_event().start_mark)  # type: ignore[no-untyped-call]
        is_alias = self.check_event(yaml.AliasEvent)
        node = super().compose_node(parent, index)
        self._depth -= 1
        if node is None:
            return None
        if not is_alias:
            size = self._sizes[id(node)] = 1 + sum(self._sizes[id(inner)] for inner in _inner(node))
            if size > MOST_VALUES:
                raise self._refusal(f"its aliases stand for more than {MOST_VALUES} values", node.start_mark)
        elif id(node) not in self._sizes:
            raise self._refusal("a value contains itself", node.start_mark)
        return node

    def _refusal(self, what: str, mark: Any) -> yaml.YAMLError:
        return yaml.composer.ComposerError(None, None, what, mark)

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Hashable, Any]:
        seen: set[str] = set()
        for key, _ in node.value:
            if isinstance(key, yaml.ScalarNode) and key.tag != "tag:yaml.org,2002:merge":
                if key.value in seen:
                    raise yaml.constructor.ConstructorError(None, None, f"{key.value!r} is there twice", key.start_mark)
                seen.add(key.value)
        return super().construct_mapping(node, deep)

    def construct_yaml_int(self, node: yaml.ScalarNode) -> int:
        value = super().construct_yaml_int(node) if len(node.value) <= MOST_DIGITS else None
        if value is None or abs(value) > 2**64:
            raise yaml.constructor.ConstructorError(None, None, "a number has too many digits", node.start_mark)
        return int(value)


_Loader.add_constructor("tag:yaml.org,2002:int", _Loader.construct_yaml_int)


def _inner(node: yaml.Node) -> list[yaml.Node]:
    if isinstance(node, yaml.SequenceNode):
        return list(node.value)
    if isinstance(node, yaml.MappingNode):
        return [each for pair in node.value for each in pair]
    return []
