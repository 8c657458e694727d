"""The Chromium of the system, which tests, screenshots and benchmarks of the page drive."""

from __future__ import annotations

import os
import shutil

PROGRAMS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")
MISSING = "no Chromium on this machine (apt-get install chromium)"


def browser_path() -> str | None:
    """Return the path of the program; None without one. The variable `AGENTNET_TEST_BROWSER` names another program."""
    named = os.environ.get("AGENTNET_TEST_BROWSER")
    return named or next(filter(None, map(shutil.which, PROGRAMS)), None)
