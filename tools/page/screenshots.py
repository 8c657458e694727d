"""``python -m tools.page.screenshots``: every view, on a phone and on a desk, light and dark, as pictures.

A gateway serves the zoo, a node joins it, members answer by several protocols, and a small evaluation runs; all of it
is real. The pictures lie in ``.bench/screenshots``. ``--keep`` also writes the pictures of the documentation.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from PIL import Image
from playwright.sync_api import sync_playwright

from tools.conformance.gateway import BENCH, CHECKOUT, Served, ended, served
from tools.page.browser import MISSING, browser_path
from tools.page.content import views, worked
from tools.page.film import filmed

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

FOLDER = BENCH / "screenshots"
KEPT = CHECKOUT / "docs" / "images"
WIDTHS = {390: 844, 1440: 900}
THEMES = ("light", "dark")
LONGEST = 4000
"""Pixels of a picture's height."""
SETTLED = "() => document.querySelector('main .waiting, main [aria-busy=true]') === null"
NODE = """name: laptop
agents:
  - {name: harriet, model: {path: "zoo:math", threads: 1}}
"""
DOCUMENTED = {
    "ask": (1440, "light"),
    "run-debate": (1440, "light"),
    "run-delegation": (1440, "dark"),
    "fusion-run": (1440, "light"),
    "compare": (1440, "light"),
    "network": (1440, "dark"),
    "evaluation": (1440, "light"),
    "protocol": (390, "dark"),
}
"""The views that the documentation shows, each in one width and theme."""


@contextmanager
def node(gateway: Served) -> Iterator[None]:
    """A node that has joined a gateway."""
    file = gateway.folder / "laptop.yaml"
    file.write_text(NODE, encoding="utf-8")
    command = [sys.executable, "-m", "agentnet", "join", gateway.url, "--network", str(file), "--json"]
    environment = {**gateway.environment, "AGENTNET_HOME": str(gateway.folder / "laptop")}
    process = subprocess.Popen(command, stdout=subprocess.PIPE, env=environment, text=True)
    try:
        assert process.stdout is not None
        process.stdout.readline()
        yield
    finally:
        process.terminate()
        ended(process)


def evaluated(gateway: Served, suite: str, limit: int) -> str:
    """Evaluate a suite into a gateway's store, and return the evaluation's id."""
    options = ["--limit", str(limit), "--store", str(gateway.store), "--json"]
    command = [sys.executable, "-m", "agentnet", "eval", suite, *options]
    done = subprocess.run(command, env=gateway.environment, stdout=subprocess.PIPE, text=True, check=False)
    return str(json.loads(done.stdout)["evaluation"]["id"])


@contextmanager
def reader(browser: Browser, width: int, theme: str, *, scale: float = 1) -> Iterator[Page]:
    """The page as someone reads it."""
    size = {"width": width, "height": WIDTHS[width]}
    context = browser.new_context(
        viewport=size,  # type: ignore[arg-type]
        color_scheme=theme,  # type: ignore[arg-type]
        device_scale_factor=scale,
        reduced_motion="reduce",
    )
    yield context.new_page()
    context.close()


def pictured(page: Page, url: str, address: str, path: Path) -> None:
    """Show a view and keep its picture, whole."""
    page.goto(f"{url}/{address}")
    page.reload()
    page.wait_for_selector("main > *")
    page.wait_for_function(SETTLED)
    page.wait_for_timeout(600)
    height = min(LONGEST, page.evaluate("document.documentElement.scrollHeight"))
    size = page.viewport_size or {"width": 0, "height": 0}
    page.screenshot(path=path, full_page=True, clip={"x": 0, "y": 0, "width": size["width"], "height": height})


def keep(browser: Browser, url: str, addresses: dict[str, str]) -> None:
    """Write the pictures of the documentation: what a screen shows, small."""
    KEPT.mkdir(exist_ok=True)
    for name, (width, theme) in DOCUMENTED.items():
        path = KEPT / f"{name}.png"
        with reader(browser, width, theme) as page:
            pictured(page, url, addresses[name], path)
        with Image.open(path) as picture:
            shown = picture.crop((0, 0, picture.width, min(picture.height, WIDTHS[width])))
            shown.save(path.with_suffix(".webp"), quality=82, method=6)
        path.unlink()


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(prog="python -m tools.page.screenshots", description=__doc__)
    parser.add_argument("--keep", action="store_true", help="write docs/images, too")
    parser.add_argument("--only", nargs="+", default=[], help="names of views")
    parser.add_argument("--suite", default="first-light", help="the suite that is evaluated")
    chosen = parser.parse_args(arguments)
    program = browser_path()
    if program is None:
        print(f"{MISSING}: no pictures were made", file=sys.stderr)
        return 1
    FOLDER.mkdir(parents=True, exist_ok=True)
    with served() as gateway, node(gateway), sync_playwright() as playwright:
        runs = worked(gateway.url)
        addresses = views(runs, evaluated(gateway, chosen.suite, 4))
        browser = playwright.chromium.launch(executable_path=program, args=["--no-sandbox"])
        for name, address in addresses.items():
            for width in WIDTHS:
                for theme in THEMES:
                    if chosen.only and name not in chosen.only:
                        continue
                    path = FOLDER / f"{name}-{width}-{theme}.png"
                    with reader(browser, width, theme) as page:
                        pictured(page, gateway.url, address, path)
                    print(os.path.relpath(path))
        if chosen.keep:
            keep(browser, gateway.url, addresses)
            filmed(browser, gateway.url, runs["debate"], KEPT / "debate.webp")
        browser.close()
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
