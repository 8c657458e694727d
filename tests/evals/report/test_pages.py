"""The report's files: whole, of themselves alone, and harmless whatever models say."""

from __future__ import annotations

import json
import math
import re
from dataclasses import replace
from html import escape
from html.parser import HTMLParser
from itertools import groupby
from pathlib import Path

import pytest

from agentnet.errors import BadInput
from agentnet.evals.report import write_report
from agentnet.evals.report.markdown import markdown
from agentnet.evals.report.page import _tenths, page
from agentnet.evals.report.provenance import DEFINITIONS
from agentnet.evals.report.raster import by_difficulty, picture
from agentnet.evals.report.svg import apart, linear, logarithmic, ticks
from agentnet.evals.results import Summary
from agentnet.evals.suite import Sweep
from agentnet.evals.summary import summarise
from agentnet.evals.sweeps import swept, system, together
from tests.evals.made import items, record, said, trial

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
        self.scopes: list[str | None] = []
        self.named: list[bool] = []
        self.ids: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag not in VOID:
            self.open.append(tag)
        self.scripts += tag == "script"
        if tag == "th":
            self.scopes.append(dict(attrs).get("scope"))
        if tag == "svg":
            self.named.append(dict(attrs).get("role") == "img" and bool(dict(attrs).get("aria-label")))
        for name, value in attrs:
            if name.startswith("on"):
                self.active.append(name)
            if name in ("src", "href"):
                self.images.append(value or "")
            if name == "id":
                self.ids.append(value or "")
            if name == "style":
                assert re.fullmatch(r"--of: [0-9.]+%|height: \d+px|background: #[0-9a-f]{6}", value or "")

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
    assert "url(" not in html
    assert "@import" not in html
    assert checker.scripts == 2
    assert set(checker.scopes) == {"row", "col"}
    assert checker.named
    assert all(checker.named)
    assert len(set(checker.ids)) == len(checker.ids)
    assert {link[1:] for link in checker.images if link.startswith("#")} <= set(checker.ids)
    assert "6 items. Best single model, chosen in advance" in html
    assert "built-in" not in html
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
    assert "<script>alert" not in html
    assert html.count("<img") == 1
    text = markdown(summary(names=(EVIL,)))
    assert "<" not in text
    assert "\\`" in text


def test_names_cannot_end_a_cell_a_link_or_a_command_in_markdown() -> None:
    found = summary(names=("a\\|b [x](javascript:1) ![y](z)",))
    record = found.record.model_copy(update={"command": "agentnet eval 'a``b'"})
    text = markdown(replace(found, record=record))
    assert r"a\\\|b \[x\](javascript:1) !\[y\](z)" in text
    assert "``` agentnet eval 'a``b' ```" in text


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
    for title in ("All orders of a shape", "When members are offline at times", "Rounds of debate"):
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


def several(status: str = "running") -> Summary:
    """Two datasets; of the second only half is done, and two of its trials failed. `judged` answers have no scores of
    their own: only whole systems are judged."""
    suite = {"datasets": [{"from": "zoo", "family": "math", "name": name, "items": 1} for name in ("sums", "judged")]}
    systems = [system(name, together(["ann", "bob"], "vote")) for name in ("vote", "other")]
    asked = [*items(6), *items(6, "judged", "judged")]
    names = ("vote", "other", "ann", "bob")
    trials = [trial(name, item.id, "7" if name == "vote" else "8") for item in asked[:6] for name in names]
    spoken = said(("ann", 0, "so"), ("bob", 0, "so"))
    unscored = tuple(one.model_copy(update={"score": None}) for one in spoken)
    trials += [
        trial(name, item.id, "so it is", dataset="judged", score=1.0, said=unscored)
        for item in asked[6:9]
        for name in ("vote", "ann", "bob")
    ]
    trials += [trial("vote", item.id, None, dataset="judged", score=None, status="error") for item in asked[9:11]]
    made = record(systems, **suite).model_copy(update={"status": status})
    return summarise(made, trials, asked)


@pytest.mark.slow
def test_an_evaluation_that_is_not_finished_shows_the_trials_so_far() -> None:
    html, text = page(several()), markdown(several())
    checked(html)
    for content in (html, text):
        assert "The evaluation is not finished: this report covers the trials made so far." in content
        assert "2 trials have no score" in content
        assert "failures" in content
    assert "not finished" not in page(several("done"))
    for name in ("vote", "other", "ann", "bob", "best, in advance"):
        assert f">{name}<" in html
    assert "<h3>Overview</h3>" in html
    assert "▲ better, ▼ worse" in text
    assert "<h3>Overview</h3>" not in page(summary())


def test_answers_that_only_a_judge_scores_have_no_flips_and_no_score_of_their_own() -> None:
    found = several().row("judged", "vote")
    assert (found.interaction.helpful_flips, found.interaction.harmful_flips, found.failures) == (0, 0, 2)
    checked(page(several()))


def test_numbers_that_json_has_no_word_for_are_null(tmp_path: Path) -> None:
    found = summary()
    odd = [replace(row, facts={"temperature": math.inf, "of": (math.nan, 1.0)}) for row in found.rows]
    write_report(replace(found, rows=tuple(odd)), tmp_path)
    report = json.loads((tmp_path / "report.json").read_text(), parse_constant=pytest.fail)
    assert report["rows"][0]["facts"] == {"temperature": None, "of": [None, 1.0]}


@pytest.mark.slow
def test_the_same_summary_gives_the_same_files(tmp_path: Path) -> None:
    first, again = write_report(several(), tmp_path / "a"), write_report(several(), tmp_path / "b")
    for name in ("report.html", "report.md", "report.json"):
        one, other = ((folder / name).read_text() for folder in (first, again))
        assert without_times(one) == without_times(other)


def without_times(text: str) -> str:
    return re.sub(r"20\d\d-\d\d-\d\d[T ][0-9:.Z]+", "", text)


def test_a_page_follows_the_theme_of_the_reader_and_fits_a_phone() -> None:
    html = page(summary())
    assert "color-scheme: light dark" in html
    assert '<html lang="en">' in html
    assert '<html lang="en" data-theme="dark">' in page(summary(), "dark")
    assert 'name="viewport"' in html
    assert "@media (max-width" in html


def test_every_measure_is_explained() -> None:
    html = page(summary())
    for what, _ in DEFINITIONS:
        assert f"<dt>{escape(what)}</dt>" in html


def test_scores_between_right_and_wrong_keep_their_shade() -> None:
    assert [_tenths(score) for score in (None, 0.0, 0.01, 0.5, 0.99, 1.0)] == ["-", "0", "1", "5", "9", "a"]


def test_labels_stay_within_their_plot() -> None:
    assert apart([5, 5, 5], 10, 0, 100)[0] >= 0
    crowded = apart([98.0, 99.0, 100.0, 20.0], 14, 14, 100)
    assert max(crowded) <= 100
    assert all(one - other >= 13.9 for one, other in zip(sorted(crowded)[1:], sorted(crowded), strict=False))
