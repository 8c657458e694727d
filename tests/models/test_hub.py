"""Fetching from a local server that speaks the hub's protocol, through the real hub library in a process of its own."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
from pathlib import Path

import pytest

from agentnet.errors import ModelFileError
from agentnet.models.gguf import read_header
from agentnet.models.hub import Address, fetch, parse
from tests.models.conftest import Answer, Asked, Loopback

COMMIT = "0123456789abcdef0123456789abcdef01234567"
FETCH = """
import sys
from agentnet.errors import AgentNetError
from agentnet.models.hub import fetch
try:
    sys.stdout.write(f"path {fetch(sys.argv[1], sys.argv[2] or None)}")
except AgentNetError as error:
    sys.stdout.write(f"{type(error).__name__} {error}")
"""


class Hub:
    """One repository with one file. `told` is the checksum that the hub tells of it."""

    def __init__(self, server: Loopback, data: bytes, home: Path) -> None:
        self.server, self.data, self.home = server, data, home
        self.sha256 = self.told = hashlib.sha256(data).hexdigest()
        server.answer = self._answer

    def _answer(self, asked: Asked) -> Answer:
        path = asked.path.partition("?")[0]
        if not path.startswith(("/owner/repo/resolve/", "/api/models/owner/repo")):
            return Answer(404, {"error": "Repository not found"}, {"x-error-code": "RepoNotFound"})
        if not path.startswith(
            ("/owner/repo/resolve/main/", "/owner/repo/resolve/v1/", f"/owner/repo/resolve/{COMMIT}/")
        ):
            return Answer(404, {"error": "Invalid rev"}, {"x-error-code": "RevisionNotFound", "x-repo-commit": COMMIT})
        if not path.endswith("/sub/tiny.gguf"):
            return Answer(404, {"error": "Entry not found"}, {"x-error-code": "EntryNotFound", "x-repo-commit": COMMIT})
        told = {"x-repo-commit": COMMIT, "x-linked-etag": f'"{self.told}"', "x-linked-size": str(len(self.data))}
        return Answer(200, self.data, {"etag": '"plain"', **told})

    def fetch(self, uri: str, sha256: str = "", **settings: str) -> tuple[str, str]:
        """What fetching ended in: ``path`` or an error's name, and the rest of the line."""
        keep = {name: value for name, value in os.environ.items() if not name.startswith(("HF_", "HUGGING"))}
        ours = {
            "HF_ENDPOINT": self.server.url,
            "HF_HOME": str(self.home),
            "HF_HUB_DISABLE_TELEMETRY": "1",
            "NO_PROXY": "*",
        }
        done = subprocess.run(
            [sys.executable, "-c", FETCH, uri, sha256],
            env=keep | ours | settings,
            capture_output=True,
            text=True,
            timeout=60,
            check=True,
        )
        kind, _, rest = done.stdout.partition(" ")
        assert "\n" not in rest
        return kind, rest


@pytest.fixture
def hub(loopback: Loopback, tiny: Path, tmp_path: Path) -> Hub:
    return Hub(loopback, tiny.read_bytes(), tmp_path / "home")


URI = "hf://owner/repo/sub/tiny.gguf"


def test_a_file_is_fetched_once_and_used_offline(hub: Hub) -> None:
    kind, path = hub.fetch(URI, hub.sha256)
    assert kind == "path"
    assert read_header(Path(path)).name == "tiny"
    bodies = [asked for asked in hub.server.asked if asked.method == "GET" and "/resolve/" in asked.path]
    assert len(bodies) == 1
    assert hub.fetch(f"hf://owner/repo@{COMMIT}/sub/tiny.gguf") == ("path", path)
    assert hub.fetch(URI, hub.sha256, HF_HUB_OFFLINE="1") == ("path", path)
    hub.server.close()
    assert hub.fetch(URI) == ("path", path)
    kind, said = hub.fetch(URI, "0" * 64)
    assert kind == "ModelFileError"
    assert hub.sha256 in said


def test_a_file_that_differs_from_what_the_hub_tells(hub: Hub) -> None:
    hub.told = "f" * 64
    kind, said = hub.fetch(URI)
    assert kind == "ModelFileError"
    assert "damaged" in said
    assert not [path for path in hub.home.rglob("*") if path.is_file() and path.stat().st_size == len(hub.data)]
    hub.told = hub.sha256
    assert hub.fetch(URI)[0] == "path"


def test_a_file_that_differs_from_what_is_expected(hub: Hub) -> None:
    kind, said = hub.fetch(URI, "0" * 64)
    assert kind == "ModelFileError"
    assert "expected 000" in said


@pytest.mark.parametrize(
    ("uri", "says"),
    [
        ("hf://owner/other/sub/tiny.gguf", "no such repository"),
        ("hf://owner/repo/sub/other.gguf", "no file sub/other.gguf"),
        ("hf://owner/repo@v9/sub/tiny.gguf", "no revision v9"),
    ],
)
def test_what_is_not_there(hub: Hub, uri: str, says: str) -> None:
    kind, said = hub.fetch(uri)
    assert kind == "ModelFileError"
    assert said.startswith(f"{uri}: ")
    assert says in said


def test_without_a_connection(hub: Hub) -> None:
    kind, said = hub.fetch(URI, HF_HUB_OFFLINE="1")
    assert kind == "ModelUnavailable"
    assert "HF_HUB_OFFLINE" in said


def test_without_the_hub_library(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "huggingface_hub", None)
    with pytest.raises(ModelFileError, match=r'pip install "agentnet-ai\[hub\]"'):
        fetch(URI, None)


def test_addresses() -> None:
    assert parse(URI) == Address("owner/repo", None, "sub/tiny.gguf")
    assert parse("hf://o.x/r-1@v1.0/a.gguf") == Address("o.x/r-1", "v1.0", "a.gguf")
    assert parse("hf://o/r@refs%2Fpr%2F1/a b.gguf") == Address("o/r", "refs/pr/1", "a b.gguf")


@pytest.mark.parametrize(
    "uri",
    ["hf://", "hf://owner/a.gguf", "hf://owner/repo", "hf://owner/repo/a.bin", "hf://owner/repo@/a.gguf", "/a.gguf",
     "hf://owner/repo/../a.gguf", "hf://owner/repo//a.gguf", "hf://ow ner/repo/a.gguf", "hf://owner/repo/a\n.gguf"],
)  # fmt: skip
def test_malformed_addresses(uri: str) -> None:
    with pytest.raises(ModelFileError, match=r"hf://owner/repo/file\.gguf") as caught:
        parse(uri)
    assert "\n" not in str(caught.value)
