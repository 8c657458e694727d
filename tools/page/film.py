"""A run as an animated picture: its replay, filmed."""

from __future__ import annotations

import io
import time
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING

from PIL import Image

if TYPE_CHECKING:
    from playwright.sync_api import Browser

SIZE = {"width": 1180, "height": 820}
SHRUNK = 0.72
LONGEST = 60.0
"""Seconds that are filmed at most."""
LAST = 3000
"""Milliseconds that the last picture stays."""


def filmed(browser: Browser, url: str, run: str, path: Path) -> None:
    """Play a run again, and write what is seen as an animated WebP file."""
    context = browser.new_context(viewport=SIZE, color_scheme="light")  # type: ignore[arg-type]
    page = context.new_page()
    page.goto(f"{url}/#/runs/{run}/replay")
    page.wait_for_selector(".player")
    frames: list[Image.Image] = []
    times: list[float] = []
    begun = time.monotonic()
    is_over = False
    while not is_over and time.monotonic() - begun < LONGEST:
        is_over = page.locator(".replay-play", has_text="Play").count() > 0
        picture = Image.open(io.BytesIO(page.screenshot()))
        times.append(time.monotonic())
        small = picture.convert("RGB").resize(
            (round(picture.width * SHRUNK), round(picture.height * SHRUNK)), Image.Resampling.LANCZOS
        )
        frames.append(small)
    context.close()
    lasting = [round((after - before) * 1000) for before, after in pairwise(times)]
    frames[0].save(
        path,
        save_all=True,
        append_images=frames[1:],
        duration=[*lasting, LAST],
        loop=0,
        quality=68,
        method=4,
        minimize_size=True,
    )
