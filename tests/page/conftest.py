"""A real Chromium, and readers of the page who notice whatever goes wrong in it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import pytest

from tools.page.browser import MISSING, browser_path

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page


PATIENCE = 30_000
"""Milliseconds that a test waits for what must come, however busy the machine is."""


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """One for each file: while Playwright runs, its event loop is the thread's, and no asynchronous test may run."""
    path = browser_path()
    if path is None:
        pytest.skip(f"{MISSING}: the page is NOT TESTED")
    sync_api = pytest.importorskip("playwright.sync_api", reason="playwright is not installed: the page is NOT TESTED")
    sync_api.expect.set_options(timeout=PATIENCE)
    with sync_api.sync_playwright() as playwright:
        found = playwright.chromium.launch(executable_path=path, args=["--no-sandbox"])
        yield found
        found.close()


Reader = Callable[..., "Page"]


@pytest.fixture
def reader(browser: Browser) -> Iterator[Reader]:
    """Open the page as another reader: `reader(url, "#/runs", width=390, dark=True)`; `still`: one without motion.

    At the test's end there must have been no error in any reader's console (a request that is meant to fail: `allowed`
    takes words of its message), and no request to another place than the server.
    """
    contexts, wrong = [], []

    def opened(
        url: str,
        address: str = "",
        *,
        width: int = 1440,
        height: int = 900,
        dark: bool = False,
        still: bool = True,
        allowed: str = "\0",
    ) -> Page:
        context = browser.new_context(
            viewport={"width": width, "height": height},
            color_scheme="dark" if dark else "light",
            reduced_motion="reduce" if still else "no-preference",
        )
        contexts.append(context)
        page = context.new_page()
        page.set_default_timeout(PATIENCE)
        page.on(
            "console", lambda said: _note(said.type in ("error", "warning") and allowed not in said.text, said.text)
        )
        page.on("pageerror", lambda error: _note(True, str(error)))
        own = urlsplit(url).netloc
        page.on("request", lambda asked: _note(urlsplit(asked.url).netloc not in ("", own), f"asked {asked.url}"))
        page.goto(f"{url}/{address}")
        return page

    def _note(is_wrong: bool, text: str) -> None:
        if is_wrong:
            wrong.append(text)

    yield opened
    for context in contexts:
        context.close()
    assert wrong == []
