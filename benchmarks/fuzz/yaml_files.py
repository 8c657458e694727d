"""Mutated protocols, networks, scenarios and suites: read, bound and compiled as a command would, but not run."""

from __future__ import annotations

import math
import random
from collections.abc import Iterator
from copy import deepcopy
from datetime import date
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from agentnet.collab.binding import Binder
from agentnet.collab.inline import read_protocol
from agentnet.coordinator.compiled import compile_expression
from agentnet.drawing import draw
from agentnet.evals.loading import find_suite
from agentnet.files.shipped import shipped_folder
from agentnet.models.backends import settled
from agentnet.network import find_network
from agentnet.scenarios.loading import find_scenario

NESTED = 20_000
VALUES: tuple[Any, ...] = (
    None, True, 0, -1, 1, 2, 10**9, 2**63, -(2**63) - 1, 10**400, 1e308, math.inf, math.nan, 0.5, "", " ", "\n", "\0",
    "x" * 5000, "../" * 2000 + "x.yaml", "/dev/zero", "/dev/stdin", "/", "~nobody/x", "hf://", "zoo:", "zoo:math",
    "@solver", "@best", "@", "scout", "inline", "{verify: {}}", "a: b", "%s%n", "\u202e\ufeff", "\U0001f600", [],
    {}, [[]], [None], {"": ""}, {"x": 1}, {1: 2}, ["scout", "math"], date(2024, 2, 29), b"bytes", "1" * 5000,
    {"times": 10**9},
)  # fmt: skip
TEXTS = (
    "[" * NESTED, "{a: " * NESTED, "[" * 300 + "]" * 300, "- " * NESTED, "a: &a [*a, *a]", "a: &a {b: *a}", "? " * 5000,
    "\n".join(["a0: &a0 [x, x]", *(f"a{n}: &a{n} [*a{n - 1}, *a{n - 1}]" for n in range(1, 60))]),
    "a: " + "9" * 5000, "a: 0x" + "f" * 5000, "a: " + "1:" * 3000 + "1", "a: 2024-13-45", "a: 2024-02-30 25:61:61",
    "a: !!python/object/apply:os.system [id]", "a: !!binary '!!'", "a: !!int x", "a: !!float [1]", "a: !x {}", "\tx: 1",
    "a: *nothing", "<<: 1", "<<: [1, 2]", "<<: *x", "%YAML 9.9\n---\n", "---\n---\n---", "a: |\n" + " " * 5000 + "x",
    "[1, 2]: 3", "{a: 1}: 2", "!!set {a, b}", "!!omap [a: 1]", "!!timestamp x", "a: .nan", "'" + "x" * 100_000 + "': 1",
)  # fmt: skip
"""Appended, or put in place of the file."""


class YamlFiles:
    """The files that ship, with one to four changes."""

    name = "yaml"

    def write(self, draw_: random.Random, folder: Path) -> tuple[Path, str]:
        source = draw_.choice(_sources())
        data = yaml.safe_load(source.read_text(encoding="utf-8"))
        changes = []
        if draw_.random() < 0.75:
            changes = [_change(draw_, data) for _ in range(draw_.choice((1, 1, 2, 4)))]
            source_text = _written(data)
        else:
            source_text = source.read_text(encoding="utf-8")
        content = source_text.encode()
        if draw_.random() < 0.3:
            content, change = _bytes(draw_, content)
            changes.append(change)
        target = folder / source.parent.name
        target.mkdir(exist_ok=True)
        path = target / "mutated.yaml"
        path.write_bytes(content)
        return path, f"{source.parent.name}/{source.name}: {'; '.join(changes)}"[:300]

    def use(self, path: Path) -> str:
        return str(USES[path.parent.name](path))


def _protocol(path: Path) -> str:
    members, _ = find_network("zoo")
    spec, _ = read_protocol(str(path), agents=[agent.name for agent in members.agents])
    spec.model_dump_json()
    return spec.name if len(draw(compile_expression(Binder(members).bind(spec.protocol)), "mermaid")) else ""


def _network(path: Path) -> str:
    members, base = find_network(str(path))
    members.model_dump_json()
    for agent in members.agents:
        settled(agent.model, base)
    return members.name


def _scenario(path: Path) -> str:
    found = find_scenario(str(path))
    found.spec.model_dump_json()
    Binder(found.network).bind(found.protocol.protocol)
    return found.spec.name


def _suite(path: Path) -> str:
    suite = find_suite(str(path))
    suite.spec.model_dump_json()
    return suite.spec.name


USES = {"protocols": _protocol, "networks": _network, "scenarios": _scenario, "evals": _suite}


@cache
def _sources() -> list[Path]:
    folders = (shipped_folder("protocols"), shipped_folder("scenarios"), shipped_folder("scenarios") / "networks")
    return [path for folder in (*folders, shipped_folder("evals")) for path in sorted(folder.glob("*.yaml"))]


def _places(value: Any) -> Iterator[tuple[Any, Any]]:
    """Each container and key within a value."""
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, inner in list(items):
        yield value, key
        yield from _places(inner)


def _change(draw_: random.Random, data: Any) -> str:
    container, key = draw_.choice(list(_places(data)) or [({}, None)])
    change = draw_.choice(("set", "set", "remove", "add", "wrap", "move", "deep"))
    if key not in container and not isinstance(container, list):
        return "nothing"
    if change == "set":
        container[key] = deepcopy(draw_.choice(VALUES))
    elif change == "remove":
        del container[key]
    elif change == "add" and isinstance(container, dict):
        container[draw_.choice(("", "x", "agent", "times", "kind", "name", "x" * 3000))] = deepcopy(
            draw_.choice(VALUES)
        )
    elif change == "wrap":
        container[key] = {draw_.choice(("verify", "parallel", "debate", "x")): container[key]}
    elif change == "move":
        other, there = draw_.choice(list(_places(data)))
        container[key], other[there] = other[there], container[key]
        if _endless(data):
            other[there] = container[key] = "moved"
    else:
        for _ in range(draw_.choice((5, 15, 30))):
            container[key] = {"parallel": {"branches": [container[key], "scout"]}}
    return f"{change} {str(key)[:40]}"


def _written(data: Any) -> str:
    try:
        return yaml.safe_dump(data, allow_unicode=True, sort_keys=False)
    except RecursionError:  # several changes made it this deep
        return "[" * NESTED


def _endless(value: Any, above: tuple[int, ...] = ()) -> bool:
    """Whether a value contains itself."""
    if not isinstance(value, dict | list):
        return False
    inner = value.values() if isinstance(value, dict) else value
    return id(value) in above or any(_endless(each, (*above, id(value))) for each in inner)


def _bytes(draw_: random.Random, content: bytes) -> tuple[bytes, str]:
    place = draw_.randrange(len(content) + 1)
    change = draw_.choice(("noise", "cut", "text", "append", "encoding"))
    if change == "noise":
        return content[:place] + draw_.randbytes(draw_.choice((1, 3))) + content[place + 1 :], f"noise at {place}"
    if change == "cut":
        return content[:place], f"cut at {place}"
    text = draw_.choice(TEXTS)
    if change == "text":
        return text.encode(), f"only {text[:30]!r}"
    if change == "append":
        return content + b"\n" + text.encode(), f"appended {text[:30]!r}"
    return content.decode(errors="replace").encode("utf-16"), "UTF-16"
