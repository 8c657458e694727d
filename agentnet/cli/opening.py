"""Opening the page of a server in the browser of who starts it, where there is one to look at."""

from __future__ import annotations

import os
import sys
import threading
import webbrowser
from collections.abc import Mapping
from urllib.parse import urlsplit

EVERYWHERE = {"0.0.0.0": "127.0.0.1", "[::]": "[::1]"}
"""Addresses at which a server listens for all → where it is from its own machine."""


def page_of(url: str) -> str:
    """Return the address of the page of a server that listens at a URL."""
    parts = urlsplit(url)
    host, separator, port = parts.netloc.rpartition(":")
    place = f"{EVERYWHERE.get(host, host)}{separator}{port}"
    return f"{parts.scheme}://{place}{parts.path.rstrip('/')}/"


def why_not(environment: Mapping[str, str] = os.environ, platform: str = sys.platform) -> str | None:
    """Return why there is no browser to open; None where there may be one. `BROWSER` names one."""
    if environment.get("CI"):
        return "this is CI"
    if environment.get("BROWSER"):
        return None
    if environment.get("SSH_CONNECTION"):
        return "you are on another machine"
    if platform.startswith("linux") and not (environment.get("DISPLAY") or environment.get("WAYLAND_DISPLAY")):
        return "there is no display"
    return None


def open_page(address: str) -> None:
    """Open an address in the browser. It goes on by itself: some browsers return only when they are closed."""
    threading.Thread(target=webbrowser.open, args=(address,), name="browser", daemon=True).start()
