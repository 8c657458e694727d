"""What a notebook shows of a prepared protocol: a drawing."""

from __future__ import annotations

import sys

import pytest

from agentnet.coordinator import Coordinator
from agentnet.drawing import draw
from tests.scripted import agent, network, says, spec


def test_a_prepared_protocol_is_drawn() -> None:
    pytest.importorskip("grandalf")
    pytest.importorskip("PIL")
    prepared = Coordinator(network(agent("ann", says("=> 4")))).prepare(spec({"serial": {"steps": ["ann"]}}))
    drawn = prepared._repr_png_()
    assert drawn is not None
    png, size = drawn
    assert png.startswith(b"\x89PNG")
    assert 0 < size["width"] < size["height"]


def test_without_the_library_nothing_is_drawn(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("agentnet.drawing.layout", "agentnet.drawing.painting"):
        monkeypatch.delitem(sys.modules, name, raising=False)
    monkeypatch.setitem(sys.modules, "grandalf", None)
    monkeypatch.setitem(sys.modules, "grandalf.graphs", None)
    assert Coordinator(network(agent("ann", says("=> 4")))).prepare(spec("ann"))._repr_png_() is None


def test_nested_graphs_of_one_kind_are_told_apart() -> None:
    inner = [{"debate": ["ann", "bob"]}, {"serial": ["ann", {"debate": ["bob", "ann"]}]}]
    web = network(agent("ann", says("=> 4")), agent("bob", says("=> 4")))
    drawn = draw(Coordinator(web).prepare(spec({"debate": inner})).graph, "mermaid").decode()
    assert [line.strip() for line in drawn.splitlines() if "subgraph" in line] == [
        "subgraph debate",
        "subgraph serial",
        "subgraph debate-2",
    ]
