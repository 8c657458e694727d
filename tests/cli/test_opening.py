"""Opening the page of a server: where it is, and where there is no browser to open it in."""

from __future__ import annotations

import pytest

from agentnet.cli.opening import page_of, why_not


@pytest.mark.parametrize(
    ("url", "page"),
    [
        ("http://127.0.0.1:8080", "http://127.0.0.1:8080/"),
        ("http://0.0.0.0:8080", "http://127.0.0.1:8080/"),
        ("http://[::]:8080", "http://[::1]:8080/"),
        ("http://[::1]:8080", "http://[::1]:8080/"),
        ("http://192.0.2.7:80", "http://192.0.2.7:80/"),
        ("https://agents.example.org", "https://agents.example.org/"),
    ],
)
def test_the_page_of_a_server_can_be_opened_on_its_own_machine(url: str, page: str) -> None:
    assert page_of(url) == page


@pytest.mark.parametrize(
    ("environment", "platform", "missing"),
    [
        ({"DISPLAY": ":0"}, "linux", None),
        ({"WAYLAND_DISPLAY": "wayland-0"}, "linux", None),
        ({"BROWSER": "firefox"}, "linux", None),
        ({}, "darwin", None),
        ({}, "win32", None),
        ({}, "linux", "there is no display"),
        ({"SSH_CONNECTION": "192.0.2.1 1 192.0.2.2 22"}, "darwin", "you are on another machine"),
        ({"CI": "true", "DISPLAY": ":0", "BROWSER": "firefox"}, "linux", "this is CI"),
    ],
)
def test_a_browser_is_opened_where_somebody_looks(
    environment: dict[str, str], platform: str, missing: str | None
) -> None:
    assert why_not(environment, platform) == missing
