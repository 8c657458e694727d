"""The floors of the house: imports go down only, and nothing that is shipped needs a developer's tool."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]

FLOORS = (
    ("blocking", "redaction", "errors", "files", "contracts", "answers", "settings", "logs"),
    ("store",),
    ("models", "prompts", "zoo", "drawing", "rendering"),
    ("agents", "analysis", "network", "fusion", "profiles"),
    ("collab", "coordinator", "policy"),
    ("session", "once"),
    ("bridges", "scenarios", "evals", "cli", "serving"),
)
"""Lowest first. A room may import from its own floor and from those below it, wherever in a file the import stands."""

FLOOR = {room: number for number, rooms in enumerate(FLOORS) for room in rooms}

FACES = ("agentnet", "agentnet.__main__")
"""Modules of the package itself; they may import everything."""


def module_of(path: Path) -> str:
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


MODULES = {module_of(path): path for path in sorted((ROOT / "agentnet").rglob("*.py"))}


def imports_of(path: Path) -> Iterator[str]:
    """The modules that a file imports, lazily or not. ``from package import module`` counts as the module."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: a relative import"
            names = (f"{node.module}.{alias.name}" for alias in node.names)
            yield from (name if name in MODULES else str(node.module) for name in names)


GRAPH = {
    module: sorted({name for name in imports_of(path) if name in MODULES and name != module})
    for module, path in MODULES.items()
}


def room_of(module: str) -> str:
    return module.split(".")[1]


def circles(graph: dict[str, list[str]]) -> list[list[str]]:
    """Groups of modules that import each other: what is left when modules without open imports are taken away."""
    left = {module: set(found) for module, found in graph.items()}
    while free := [module for module, found in left.items() if not found]:
        for module in free:
            del left[module]
        for found in left.values():
            found.difference_update(free)
    reached = {module: _reachable(module, left) for module in left}
    groups = {frozenset(other for other in found if module in reached[other]) for module, found in reached.items()}
    return sorted(sorted(group) for group in groups if group)


def _reachable(start: str, graph: dict[str, set[str]]) -> set[str]:
    found: set[str] = set()
    open_modules = [start]
    while open_modules:
        new = graph[open_modules.pop()] - found
        found |= new
        open_modules += new
    return found


def test_every_room_stands_on_a_floor() -> None:
    assert {room_of(module) for module in MODULES if module not in FACES} <= set(FLOOR)


def test_imports_go_down_only() -> None:
    upward = [
        f"{module} → {name}"
        for module, found in GRAPH.items()
        for name in found
        if module not in FACES and (name in FACES or FLOOR[room_of(module)] < FLOOR[room_of(name)])
    ]
    assert upward == []


def test_the_zoo_is_a_resource_of_files_and_generators() -> None:
    rooms = {room_of(name) for module, found in GRAPH.items() if module.startswith("agentnet.zoo") for name in found}
    assert rooms <= {"zoo", *FLOORS[0]}


@pytest.mark.parametrize("floor", FLOORS, ids=lambda floor: "-".join(floor))
def test_no_modules_of_a_floor_import_each_other_in_a_circle(floor: tuple[str, ...]) -> None:
    here = {module for module in MODULES if module not in FACES and room_of(module) in floor}
    assert circles({module: [name for name in GRAPH[module] if name in here] for module in here}) == []


def test_a_circle_is_found() -> None:
    assert circles({"a": ["b"], "b": ["c"], "c": ["b"], "d": ["a"]}) == [["b", "c"]]


def test_what_is_shipped_needs_no_tool_of_the_checkout() -> None:
    for path in MODULES.values():
        assert not {name.partition(".")[0] for name in imports_of(path)} & {"tools", "tests", "benchmarks", "notebooks"}
