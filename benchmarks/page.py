"""``python -m benchmarks.page``: how much the page loads, how soon it can be used, and whether it stays smooth.

*First view*: a browser that has seen nothing opens the page, again and again. Reported are the bytes of its files, the
time to the first paint, and the time until the field for the question is there and a key that is typed is in it.

*A run*: scripted members of a debate say many messages while a reader watches, and the run is opened again afterwards.
Reported are the longest gap between two frames, the frames that took more than 50 and 100 ms, the longest frame that
the browser itself reports (long animation frames, with the time that scripts and layout took), and the heap at the end.
A gap counts whatever else the machine does; it is the upper bound.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx
from playwright.sync_api import sync_playwright
from rich.console import Console
from rich.table import Table

from agentnet.agents import ModelAgent
from agentnet.contracts.model_specs import LlamaSpec
from agentnet.contracts.network import AgentSpec, NetworkSpec
from agentnet.network import Network
from tools.page.browser import MISSING, browser_path
from tools.page.gateways import served, typist

if TYPE_CHECKING:
    from playwright.sync_api import Browser, CDPSession, Page

QUESTION_FIELD = "main textarea"
WORDS = "I read what the others said and still find that the sum of both numbers is the one that I gave"
PATIENCE = 120_000
WATCHING = """
window.usable = 0;
window.addEventListener("input", () => { window.usable ||= performance.now(); }, true);
window.frames_ = [];
window.long_ = [];
new PerformanceObserver(list => {
  for (const entry of list.getEntries()) {
    const script = entry.scripts.reduce((sum, each) => sum + each.duration, 0);
    window.long_.push({ duration: entry.duration, script, layout: entry.styleAndLayoutStart === 0 ? 0
      : entry.startTime + entry.duration - entry.styleAndLayoutStart });
  }
}).observe({ type: "long-animation-frame", buffered: true });
let before = performance.now();
(function frame(now) {
  window.frames_.push(now - before);
  before = now;
  requestAnimationFrame(frame);
})(before);
"""
FILES = """() => [...performance.getEntriesByType("navigation"), ...performance.getEntriesByType("resource")]
  .filter(entry => !new URL(entry.name).pathname.startsWith("/api"))
  .map(entry => [new URL(entry.name).pathname, entry.decodedBodySize, entry.encodedBodySize])"""
FIRST_PAINT = """() => performance.getEntriesByName("first-contentful-paint")[0]?.startTime ?? 0"""


@dataclass(frozen=True, slots=True)
class Opened:
    """One first view: bytes of its files as they are and as they were sent, and milliseconds."""

    files: int
    raw: int
    sent: int
    painted: float
    usable: float


@dataclass(frozen=True, slots=True)
class Watched:
    """How smooth a run was: milliseconds of frames, and MiB of JavaScript's heap."""

    messages: int
    longest: float
    over_50: int
    over_100: int
    reported: float
    script: float
    heap: float


def network(*members: ModelAgent) -> Network:
    """Return a network of scripted members."""
    specs = tuple(
        AgentSpec(name=member.name, model=LlamaSpec(path=f"{member.name}.gguf"), card=member.card, pack="compact")
        for member in members
    )
    return Network(NetworkSpec(name="scripted", agents=specs), members)


@contextmanager
def reading(browser: Browser, width: int = 1440) -> Iterator[Page]:
    """A reader with an empty cache, whose frames are counted."""
    context = browser.new_context(viewport={"width": width, "height": 900})
    context.add_init_script(WATCHING)
    page = context.new_page()
    page.set_default_timeout(PATIENCE)
    yield page
    context.close()


def opened(browser: Browser, url: str) -> Opened:
    """Open the page for the first time, and type into its field as soon as it is there."""
    with reading(browser) as page:
        page.add_init_script(
            f"""new MutationObserver((_, watching) => {{
              const field = document.querySelector({QUESTION_FIELD!r});
              if (field === null) return;
              watching.disconnect();
              field.focus();
              document.execCommand("insertText", false, "?");
            }}).observe(document, {{childList: true, subtree: true}})"""
        )
        page.goto(url)
        page.wait_for_function("() => window.usable > 0")
        files = page.evaluate(FILES)
        raw, sent = sum(each[1] for each in files), sum(each[2] for each in files)
        return Opened(len(files), raw, sent, page.evaluate(FIRST_PAINT), page.evaluate("window.usable"))


def watched(page: Page, session: CDPSession, messages: int) -> Watched:
    """Wait until a run is over and its last message is drawn, and return how smooth it was."""
    page.wait_for_function("() => document.querySelector('.graph-centre b') !== null")
    page.evaluate("new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)))")
    frames: list[float] = page.evaluate("window.frames_")
    long: list[dict[str, float]] = page.evaluate("window.long_")
    session.send("HeapProfiler.collectGarbage")
    heap = session.send("Runtime.getHeapUsage")["usedSize"] / 2**20
    worst = max(long, key=lambda entry: entry["duration"], default={"duration": 0.0, "script": 0.0})
    over = [sum(frame > limit for frame in frames) for limit in (50, 100)]
    return Watched(messages, max(frames), *over, worst["duration"], worst["script"], heap)


def debates(browser: Browser, folder: Path, members: int, rounds: int, pause: float) -> Iterator[tuple[str, Watched]]:
    """Yield how smooth a debate is to watch, and to open again."""
    names = [f"member-{index:02}" for index in range(members)]
    replies = {name: [f"{WORDS} {round} => {index % 7}" for round in range(rounds)] for index, name in enumerate(names)}
    team = network(*(typist(name, replies[name], pause=pause) for name in names))
    debate = {"debate": {"members": names, "rounds": rounds, "see": "all", "stop": "never"}}
    with served(folder, team) as gateway, reading(browser) as page:
        session = page.context.new_cdp_session(page)
        page.goto(gateway.url)
        page.wait_for_selector(QUESTION_FIELD)
        asked = httpx.post(
            f"{gateway.url}/api/runs",
            json={"question": "How much is it?", "protocol": debate, "limits": {"calls": 10_000, "tokens": 10**9}},
        )
        run = asked.raise_for_status().json()["id"]
        page.evaluate("run => { window.frames_ = []; window.long_ = []; location.hash = `#/runs/${run}`; }", run)
        yield "watched", watched(page, session, members * rounds)
        page.reload()
        yield "opened again", watched(page, session, members * rounds)


def shown_first(console: Console, views: list[Opened]) -> None:
    table = Table(title="First view", title_justify="left")
    for name in ("files", "KiB", "KiB sent", "painted ms", "usable ms", "slowest usable ms"):
        table.add_column(name, justify="right")
    middle = [statistics.median(view.painted for view in views), statistics.median(view.usable for view in views)]
    one = views[0]
    sizes = f"{one.raw / 1024:.0f}", f"{one.sent / 1024:.0f}"
    table.add_row(str(one.files), *sizes, *(f"{each:.0f}" for each in middle), f"{max(v.usable for v in views):.0f}")
    console.print(table)


def shown_runs(console: Console, rows: list[tuple[str, Watched]]) -> None:
    table = Table(title="Runs", title_justify="left")
    table.add_column("run")
    for name in (
        "messages",
        "longest gap ms",
        "> 50 ms",
        "> 100 ms",
        "longest reported ms",
        "of it scripts",
        "heap MiB",
    ):
        table.add_column(name, justify="right")
    for name, each in rows:
        table.add_row(
            name,
            str(each.messages),
            f"{each.longest:.0f}",
            str(each.over_50),
            str(each.over_100),
            f"{each.reported:.0f}",
            f"{each.script:.0f}",
            f"{each.heap:.1f}",
        )
    console.print(table)


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.page", description=__doc__)
    parser.add_argument("--views", type=int, default=9, help="times that the first view is opened")
    parser.add_argument("--runs", nargs="+", default=["10x20", "60x4", "10x100"], help="members x rounds")
    parser.add_argument("--pause", type=float, default=0.005, help="seconds between two words of a member")
    chosen: Any = parser.parse_args(arguments)
    program = browser_path()
    if program is None:
        print(f"{MISSING}: nothing was measured", file=sys.stderr)
        return 1
    console = Console()
    with sync_playwright() as playwright, tempfile.TemporaryDirectory() as name:
        browser = playwright.chromium.launch(executable_path=program, args=["--no-sandbox"])
        with served(Path(name) / "first", network(typist("ada", ["=> 1"]))) as gateway:
            shown_first(console, [opened(browser, gateway.url) for _ in range(chosen.views)])
        rows = []
        for form in chosen.runs:
            members, rounds = map(int, form.split("x"))
            for how, seen in debates(browser, Path(name) / form, members, rounds, chosen.pause):
                rows.append((f"{members} members, {how}", seen))
        shown_runs(console, rows)
        browser.close()
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
