"""Reading what people write: YAML into a pydantic type, with errors that name the file and the place."""

from __future__ import annotations

from pathlib import Path
from typing import TypeVar

import yaml
from pydantic import BaseModel, ValidationError

from agentnet.contracts.base import first_problem
from agentnet.errors import BadInput

T = TypeVar("T", bound=BaseModel)


def read_yaml(path: Path, kind: type[T], error: type[BadInput]) -> T:
    """The content of a YAML file as `kind`. Raises `error` with one line: file, place, problem."""
    try:
        data = yaml.safe_load(path.read_text(encoding="utf-8"))
    except OSError as problem:
        raise error(f"{path}: cannot be read ({problem.strerror})") from problem
    except UnicodeDecodeError as problem:
        raise error(f"{path}: is not a text file in UTF-8") from problem
    except yaml.YAMLError as problem:
        mark = getattr(problem, "problem_mark", None)
        where = f" line {mark.line + 1}" if mark else ""
        raise error(f"{path}:{where} is not YAML: {getattr(problem, 'problem', problem)}") from problem
    if not isinstance(data, dict):
        raise error(f"{path}: expected a mapping at the top, found {type(data).__name__}")
    try:
        return kind.model_validate(data)
    except ValidationError as problem:
        raise error(f"{path}: {first_problem(problem)}") from problem
