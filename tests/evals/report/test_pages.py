"""The report's files: whole, of themselves alone, and harmless whatever models say."""

from __future__ import annotations

import json
import re
from html.parser import HTMLParser
from itertools import groupby
from pathlib import Path

import pytest

from agentnet.errors import BadInput
from agentnet.evals.report import write_report
from agentnet.evals.report.markdown import markdown
from agentnet.evals.report.page import page
from agentnet.evals.report.raster import by_difficulty, picture
from agentnet.evals.report.svg import apart, linear, logarithmic, ticks
from agentnet.evals.suite import Sweep
from agentnet.evals.summary import Summary, summarise
from agentnet.evals.sweeps import swept, system, together
from tests.evals.made import items, record, trial

EVIL = "</script><script>alert(1)</script><img src=x onerror=alert(2)>|`\"'"
VOID = {"meta", "img", "br", "link", "input", "hr"}


def summary(names: tuple[str, ...] = ("vote",), text: str = "What?") -> Summary:
    systems = [system(name, together(["ann", "bob"], "vote")) for name in names]
    asked = [item.model_copy(update={"text": text}) for item in items(6)]
    spoken = (("ann", 0, "8"), ("bob", 0, "7"), ("ann", 1, "7"))
    trials = [trial(name, item.id, "7", *spoken) for item in asked for name in (*names, "ann", "bob")]
    return summarise(record(systems), trials, asked)


class Checker(HTMLParser):
    """Every element is closed in its turn; what scripts there are, and what attributes run something."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.scripts = 0
        self.images: list[str] = []
        self.active: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag not in VOID:
            self.open.append(tag)
        self.scripts += tag == "script"
        for name, value in attrs:
            if name.startswith("on"):
                self.active.append(name)
            if name in ("src", "href"):
                self.images.append(value or "")

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        pass

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


def checked(html: str) -> Checker:
    checker = Checker()
    checker.feed(html)
    checker.close()
    assert checker.open == []
    return checker


def test_a_page_is_whole_and_loads_nothing() -> None:
    html = page(summary())
    checker = checked(html)
    assert all(link.startswith(("#", "data:image/png;base64,")) for link in checker.images)
    assert "http" not in html
    assert checker.scripts == 2
    for what in ("best, in advance", "vote", "ann", "bob", "McNemar", "How it was made"):
        assert what in html


def test_what_models_and_items_say_stays_text() -> None:
    html = page(summary(names=(EVIL, "vote"), text=EVIL))
    checker = checked(html)
    assert checker.scripts == 2
    assert checker.active == []
    data = json.loads(re.search(r'<script type="application/json"[^>]*>(.*?)</script>', html, re.DOTALL)[1])
    assert data["texts"][0].startswith(EVIL)
    assert EVIL in data["names"]


def test_markdown_tables_keep_their_columns_whatever_is_said() -> None:
    lines = markdown(summary(names=(EVIL, "two\nlines"), text="x")).splitlines()
    tables = [[*some] for within, some in groupby(lines, lambda line: line.startswith("|")) if within]
    assert len(tables) >= 2
    for table in tables:
        cells = {len(re.findall(r"(?<!\\)(?:\\\\)*\|", line)) for line in table}
        assert len(cells) == 1
    assert "<script>" not in "\n".join(lines)


def test_experiments_have_their_plots() -> None:
    points = [
        *swept(Sweep(sweep="paths"), ["ann", "bob"]),
        *swept(Sweep(sweep="subsets"), ["ann", "bob"]),
        *swept(Sweep(sweep="rounds", rounds=(1, 2)), ["ann", "bob"]),
    ]
    asked = items(4)
    trials = [trial(name, item.id) for item in asked for name in ("ann", "bob", *(point.name for point in points))]
    html = page(summarise(record(points), trials, asked))
    checked(html)
    for title in ("All orders of a shape", "When members are not always there", "Rounds of debate"):
        assert title in html


def test_the_three_files_are_written_and_replaced(tmp_path: Path) -> None:
    for _ in range(2):
        assert write_report(summary(), tmp_path / "deep" / "report") == tmp_path / "deep" / "report"
    found = sorted(path.name for path in (tmp_path / "deep" / "report").iterdir())
    assert found == ["report.html", "report.json", "report.md"]
    report = json.loads((tmp_path / "deep" / "report" / "report.json").read_text())
    assert {row["system"] for row in report["rows"]} >= {"vote", "ann", "best, in advance"}
    assert "folder" not in report["evaluation"]


def test_a_folder_that_cannot_be_written_is_said_in_one_line(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(BadInput, match="the report cannot be written there"):
        write_report(summary(), tmp_path / "file")


def test_a_summary_of_nothing_is_a_page_too() -> None:
    checked(page(summarise(record(), [], items(2))))
    assert "How it was made" in markdown(summarise(record(), [], items(2)))


def test_the_raster_has_a_pixel_for_each_system_and_item() -> None:
    grid = {"a": (1.0, 0.0, None), "b": (1.0, 1.0, 0.0)}
    assert by_difficulty(grid, range(3)) == [0, 1, 2]
    assert by_difficulty({"a": (0.0, 1.0)}, range(2)) == [1, 0]
    import base64
    import struct

    data = base64.b64decode(picture(grid, [0, 1, 2]).partition(",")[2])
    assert struct.unpack(">II", data[16:24]) == (3, 2)


def test_scales_and_ticks() -> None:
    assert linear(0, 10, 100, 200)(5) == 150
    assert logarithmic(1, 100, 0, 2)(10) == pytest.approx(1)
    assert ticks(0, 100, 5) == [0, 20, 40, 60, 80, 100]
    assert ticks(-7, 12) == [-5, 0, 5, 10]
    moved = apart([10, 11, 50], 15)
    assert moved[1] - moved[0] >= 14.9
    assert moved[2] == 50
