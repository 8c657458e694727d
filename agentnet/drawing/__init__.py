"""Drawings of a compiled graph: mermaid and ascii by LangGraph itself, SVG and PNG from AgentNet's own layout.

LangGraph draws pictures through a web service or a browser, and Graphviz may not be installed. grandalf (pure Python,
the library behind LangGraph's ascii) lays graphs out in layers; each nested graph is laid out first and becomes one box
of its parent. SVG is written directly; Pillow paints the PNG.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from agentnet.errors import BadInput

INSTALL = "pip install 'agentnet-ai[picture]'"


def draw(graph: Any, form: str) -> bytes:
    """Return a drawing of a compiled LangGraph: `form` is mermaid, ascii, svg or png.

    Raises `BadInput` if a library is missing.
    """
    if form == "mermaid":
        return str(_told_apart(graph.get_graph(xray=True)).draw_mermaid()).encode()
    with _needed(form):
        if form == "ascii":
            return str(graph.get_graph(xray=True).draw_ascii()).encode()
        from agentnet.drawing.layout import lay_out
        from agentnet.drawing.painting import to_png, to_svg

        picture = lay_out(graph)
        return to_svg(picture).encode() if form == "svg" else to_png(picture)


def _told_apart(drawable: Any) -> Any:
    """The drawable graph with unique names for nested graphs, as mermaid's subgraphs require.

    Node ids are paths (``serial:debate:sage``); of nested graphs with equal names, all but the first get a number.
    """
    from langchain_core.runnables.graph import Graph

    names: dict[tuple[str, ...], str] = {}
    taken: Counter[str] = Counter()

    def renamed(id: str) -> str:
        *graphs, node = id.split(":")
        for depth in range(1, len(graphs) + 1):
            path = tuple(graphs[:depth])
            if path not in names:
                taken[path[-1]] += 1
                names[path] = path[-1] if taken[path[-1]] == 1 else f"{path[-1]}-{taken[path[-1]]}"
        return ":".join([*(names[tuple(graphs[: depth + 1])] for depth in range(len(graphs))), node])

    ids = {id: renamed(id) for id in drawable.nodes}
    nodes = {ids[id]: node.copy(id=ids[id]) for id, node in drawable.nodes.items()}
    edges = [edge.copy(source=ids[edge.source], target=ids[edge.target]) for edge in drawable.edges]
    return Graph(nodes=nodes, edges=edges)


def for_notebooks(graph: Any) -> tuple[bytes, dict[str, int]]:
    """Return a PNG and its display size: sites that render notebooks lose SVG, or its text. Raises as `draw` does."""
    with _needed("png"):
        from agentnet.drawing.layout import lay_out
        from agentnet.drawing.painting import to_png

        picture = lay_out(graph)
        return to_png(picture), {"width": math.ceil(picture.width), "height": math.ceil(picture.height)}


@contextmanager
def _needed(form: str) -> Iterator[None]:
    try:
        yield
    except ImportError as error:
        raise BadInput(f"{form} needs {error.name or 'a library'}, which is not installed: {INSTALL}") from error
