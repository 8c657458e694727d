"""Reading YAML files into pydantic types, with errors that name the file and the field."""

from __future__ import annotations

from collections.abc import Hashable
from pathlib import Path
from typing import Any, TypeVar

import yaml
from pydantic import BaseModel, ValidationError

from agentnet.contracts.base import first_problem
from agentnet.errors import BadInput

T = TypeVar("T", bound=BaseModel)


def read_yaml(path: Path, kind: type[T], error: type[BadInput]) -> T:
    """Return the content of a YAML file as `kind`. Raises `error` with one line: file, field or line, problem."""
    try:
        data = yaml.load(path.read_text(encoding="utf-8"), _Loader)
    except OSError as problem:
        raise error(f"{path}: cannot be read ({problem.strerror})") from problem
    except UnicodeDecodeError as problem:
        raise error(f"{path}: is not a text file in UTF-8") from problem
    except yaml.YAMLError as problem:
        mark = getattr(problem, "problem_mark", None)
        where = f" line {mark.line + 1}" if mark else ""
        raise error(f"{path}:{where} is not YAML: {getattr(problem, 'problem', problem)}") from problem
    if not isinstance(data, dict):
        kind_name = "nothing" if data is None else type(data).__name__
        raise error(f"{path}: expected a mapping at the top, found {kind_name}")
    try:
        return kind.model_validate(data)
    except ValidationError as problem:
        raise error(f"{path}: {first_problem(problem)}") from problem


class _Loader(yaml.SafeLoader):
    """A YAML loader that refuses duplicate keys; the safe loader would silently drop the first."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Hashable, Any]:
        seen: set[str] = set()
        for key, _ in node.value:
            if isinstance(key, yaml.ScalarNode) and key.tag != "tag:yaml.org,2002:merge":
                if key.value in seen:
                    raise yaml.constructor.ConstructorError(None, None, f"{key.value!r} is there twice", key.start_mark)
                seen.add(key.value)
        return super().construct_mapping(node, deep)
