"""The way of a newcomer, as docs/page.md tells it: from ``agentnet serve --open`` to a debate that they watch."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import expect

from tests.page.conftest import Reader

ROOT = Path(__file__).parents[2]
MOST_CLICKS = 3
PATIENCE = 60.0


@pytest.fixture
def opened(tmp_path: Path) -> Iterator[str]:
    """Run the real command with a browser that only notes what it is to open; returns that address."""
    browser, address = tmp_path / "browser", tmp_path / "address"
    browser.write_text(f'#!/bin/sh\nprintf "%s" "$1" > "{address}.new" && mv "{address}.new" "{address}"\n')
    browser.chmod(0o755)
    environment = {name: value for name, value in os.environ.items() if name != "CI"}
    environment |= {"BROWSER": str(browser), "AGENTNET_HOME": str(tmp_path / "home"), "PYTHONPATH": str(ROOT)}
    process = subprocess.Popen(
        [sys.executable, "-m", "agentnet", "serve", "--open", "--port", "0"],
        cwd=tmp_path,
        env=environment,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        assert process.stderr is not None
        first = process.stderr.readline()
        deadline = time.monotonic() + PATIENCE
        while not address.exists() and process.poll() is None and time.monotonic() < deadline:
            time.sleep(0.01)
        assert address.exists(), f"no browser was opened: {first}"
        found = address.read_text()
        assert first.endswith(f"members: {found}\n"), "the first line names the page"
        yield found
    finally:
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=PATIENCE)


def test_a_newcomer_watches_a_debate_after_three_clicks(reader: Reader, opened: str) -> None:
    page = reader(opened.rstrip("/"))
    page.evaluate("addEventListener('click', () => { window.clicks = (window.clicks ?? 0) + 1; }, true)")
    page.get_by_role("button", name="debate Tom is taller than Ann.").click()
    page.get_by_role("button", name="Ask", exact=True).click()
    page.get_by_text("Round 2").wait_for()
    page.wait_for_selector(".answer-text")
    for member in ("atlas", "sage", "scout"):
        expect(page.locator("main")).to_contain_text(member)
    assert page.evaluate("window.clicks") <= MOST_CLICKS
    assert page.url.startswith(opened)
    page.close()  # before its server
