"""The layout of a compiled graph: layers from top to bottom, nested graphs as boxes in boxes."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from grandalf.graphs import Edge as GEdge
from grandalf.graphs import Graph as GGraph
from grandalf.graphs import Vertex
from grandalf.layouts import SugiyamaLayout

LETTER, HEIGHT, GAP_X, GAP_Y, MARGIN, TITLE, LANE = 8.0, 34.0, 26.0, 44.0, 18.0, 20.0, 14.0
ENDS = {"__start__": "start", "__end__": "end"}


@dataclass
class Box:
    """A node (or a whole nested graph); `x`, `y` is its upper left corner in the parent."""

    name: str
    width: float
    height: float
    x: float = 0.0
    y: float = 0.0
    inner: Picture | None = None

    @property
    def is_end(self) -> bool:
        return self.name in ENDS.values()


@dataclass
class Line:
    """An edge as a polyline from one box to another; `back`: it leads upwards; `choice`: it is conditional."""

    points: list[tuple[float, float]]
    choice: bool
    back: bool


@dataclass
class Picture:
    """One graph, laid out."""

    width: float = 0.0
    height: float = 0.0
    boxes: list[Box] = field(default_factory=list)
    lines: list[Line] = field(default_factory=list)


@dataclass
class _View:
    """A vertex as grandalf reads it: its size; grandalf sets the centre `xy`."""

    w: float
    h: float
    xy: tuple[float, float] = (0.0, 0.0)


def lay_out(graph: Any) -> Picture:
    """Return the layout of a compiled LangGraph and of every graph inside it."""
    drawn = graph.get_graph()
    nested = {name: lay_out(inner) for name, inner in graph.get_subgraphs()}
    boxes = {name: _box(ENDS.get(name, name), nested.get(name)) for name in drawn.nodes}
    edges = [(edge.source, edge.target, bool(edge.conditional)) for edge in drawn.edges]
    _place(boxes, edges)
    picture = Picture(boxes=list(boxes.values()))
    _route(picture, boxes, edges)
    _shift(picture)
    return picture


def _box(name: str, inner: Picture | None) -> Box:
    if inner is None:
        return Box(name, max(56.0, LETTER * len(name) + 24), HEIGHT)
    return Box(name, max(inner.width, LETTER * len(name) + 24), inner.height + TITLE, inner=inner)


def _place(boxes: dict[str, Box], edges: list[tuple[str, str, bool]]) -> None:
    """Set the position of every box, by grandalf's Sugiyama layout."""
    vertices = {name: Vertex(name) for name in boxes}
    for name, vertex in vertices.items():
        vertex.view = _View(boxes[name].width, boxes[name].height)
    deep = _depths(edges)
    links = [GEdge(vertices[source], vertices[target]) for source, target, _ in edges if deep[source] < deep[target]]
    for part in GGraph(list(vertices.values()), links).C:
        layout = SugiyamaLayout(part)
        layout.xspace, layout.yspace = GAP_X, GAP_Y
        roots = [vertex for vertex in part.sV if vertex.data == "__start__"]
        layout.init_all(roots=roots or None, optimize=True)
        layout.draw()
    for name, vertex in vertices.items():
        box = boxes[name]
        box.x, box.y = vertex.view.xy[0] - box.width / 2, vertex.view.xy[1] - box.height / 2


def _depths(edges: list[tuple[str, str, bool]]) -> dict[str, int]:
    """Node → steps from the start. Edges that do not lead deeper close loops, and do not affect the layers."""
    deep = {"__start__": 0}
    waiting = ["__start__"]
    for node in waiting:
        for source, target, _ in edges:
            if source == node and target not in deep:
                deep[target] = deep[node] + 1
                waiting.append(target)
    return deep


def _route(picture: Picture, boxes: dict[str, Box], edges: list[tuple[str, str, bool]]) -> None:
    """Draw edges as straight lines downwards; edges that would cross a box, or lead upwards, run around the outside."""
    right = max(box.x + box.width for box in boxes.values())
    lanes: list[tuple[float, float, bool]] = []
    for source, target, choice in edges:
        start_box, end_box = boxes[source], boxes[target]
        back = end_box.y <= start_box.y
        start = (start_box.x + start_box.width / 2, start_box.y + start_box.height)
        end = (end_box.x + end_box.width / 2, end_box.y)
        if back or _crosses(start, end, (box for box in boxes.values() if box not in (start_box, end_box))):
            if (start[1], end[1], choice) not in lanes:
                lanes.append((start[1], end[1], choice))
            outside = right + (lanes.index((start[1], end[1], choice)) + 1) * LANE
            up = GAP_Y / 3
            start = (start_box.x + start_box.width * 0.75, start[1])
            end = (end_box.x + end_box.width * 0.75, end[1])
            bends = [(start[0], start[1] + up), (outside, start[1] + up), (outside, end[1] - up), (end[0], end[1] - up)]
            picture.lines.append(Line([start, *bends, end], choice, back))
        else:
            picture.lines.append(Line([start, end], choice, back))


def _crosses(start: tuple[float, float], end: tuple[float, float], boxes: Any) -> bool:
    """Whether a straight line would run through a box."""
    (x1, y1), (x2, y2) = start, end
    for box in boxes:
        top, bottom = max(box.y, min(y1, y2)), min(box.y + box.height, max(y1, y2))
        if top >= bottom:
            continue
        at = [x1 + (x2 - x1) * (y - y1) / ((y2 - y1) or 1) for y in (top, bottom)]
        if max(at) > box.x - 4 and min(at) < box.x + box.width + 4:
            return True
    return False


def _shift(picture: Picture) -> None:
    """Move everything so that the picture starts at 0, 0 with a margin around it."""
    points = [point for line in picture.lines for point in line.points]
    left = min([box.x for box in picture.boxes] + [x for x, _ in points]) - MARGIN
    top = min([box.y for box in picture.boxes] + [y for _, y in points]) - MARGIN
    for box in picture.boxes:
        box.x, box.y = box.x - left, box.y - top
    for line in picture.lines:
        line.points = [(x - left, y - top) for x, y in line.points]
    points = [point for line in picture.lines for point in line.points]
    picture.width = max([box.x + box.width for box in picture.boxes] + [x for x, _ in points]) + MARGIN
    picture.height = max([box.y + box.height for box in picture.boxes] + [y for _, y in points]) + MARGIN
