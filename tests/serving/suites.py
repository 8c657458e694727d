"""Small suites in the place of those that ship: two members of the zoo, which are opened at once."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

NETWORK = """
name: pair
agents:
  - {name: math, model: {path: "zoo:math", threads: 1, sequences: 4}, card: {roles: [solver]}}
  - {name: scout, model: {path: "zoo:scout", threads: 1, sequences: 4}, card: {roles: [solver]}}
"""
SUITE = """
name: pair
summary: Two members alone and together, on two kinds of questions.
network: pair-network.yaml
selection: 60
repeats: {most: 2}
datasets:
  - {from: zoo, family: math, items: 60}
  - {from: zoo, family: symbols, items: 60}
systems: [vote]
"""
LIVING = "living:\n  canaries: 10\n  changes:\n    - {at: 0.5, leaves: math}\n"


@contextmanager
def small_suites(folder: Path) -> Iterator[None]:
    """Ship the suites `pair` and `pair-living`, and no others, while the context lasts."""
    (folder / "pair-network.yaml").write_text(NETWORK)
    for name, text in (("pair", SUITE), ("pair-living", SUITE.replace("name: pair", "name: pair-living") + LIVING)):
        (folder / f"{name}.yaml").write_text(text)
    found = {name: folder / f"{name}.yaml" for name in ("pair", "pair-living")}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("agentnet.evals.loading.shipped_files", lambda _: found)
        yield
