"""Fetching from a local server that speaks the hub's protocol, through the real hub library in a process of its own."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
from pathlib import Path

import pytest

from agentnet.contracts.model_specs import LlamaSpec
from agentnet.contracts.sampling import Sampling
from agentnet.errors import ModelFileError
from agentnet.models.base import Request
from agentnet.models.gguf import checksum, read_header
from agentnet.models.hub import Address, fetch, parse
from agentnet.models.llama import LlamaModel
from agentnet.zoo import catalog
from tests.models.conftest import Answer, Asked, Loopback
from tests.models.splitting import split

COMMIT = "0123456789abcdef0123456789abcdef01234567"
FETCH = """
import sys
from agentnet.errors import AgentNetError
from agentnet.models.hub import cached, fetch
work, uri, *sha256 = sys.argv[1:]
try:
    sys.stdout.write(f"path {fetch(uri, sha256[0] or None) if work == 'fetch' else cached(uri)}")
except AgentNetError as error:
    sys.stdout.write(f"{type(error).__name__} {error}")
"""


class Hub:
    """One repository with some files in the folder ``sub``."""

    def __init__(self, server: Loopback, files: dict[str, bytes], home: Path) -> None:
        self.server, self.files, self.home = server, files, home
        self.told = {name: hashlib.sha256(data).hexdigest() for name, data in files.items()}
        """The checksums that the hub tells."""
        self.breaks: set[str] = set()
        """Files whose fetching the hub refuses after it has told of them."""
        server.answer = self._answer

    @property
    def sha256(self) -> str:
        return hashlib.sha256(self.files["tiny.gguf"]).hexdigest()

    @property
    def fetched(self) -> list[str]:
        """The files whose content was asked for, in order."""
        asked = [asked.path.partition("?")[0] for asked in self.server.asked if asked.method == "GET"]
        return [path.rpartition("/")[2] for path in asked if "/resolve/" in path]

    def _answer(self, asked: Asked) -> Answer:
        path = asked.path.partition("?")[0]
        if not path.startswith(("/owner/repo/resolve/", "/api/models/owner/repo")):
            return Answer(404, {"error": "Repository not found"}, {"x-error-code": "RepoNotFound"})
        if not path.startswith(
            ("/owner/repo/resolve/main/", "/owner/repo/resolve/v1/", f"/owner/repo/resolve/{COMMIT}/")
        ):
            return Answer(404, {"error": "Invalid rev"}, {"x-error-code": "RevisionNotFound", "x-repo-commit": COMMIT})
        folder, _, name = path.rpartition("/")
        if not folder.endswith("/sub") or name not in self.files:
            return Answer(404, {"error": "Entry not found"}, {"x-error-code": "EntryNotFound", "x-repo-commit": COMMIT})
        if asked.method == "GET" and name in self.breaks:
            return Answer(403, {"error": "come back later"})
        data = self.files[name]
        told = {"x-repo-commit": COMMIT, "x-linked-etag": f'"{self.told[name]}"', "x-linked-size": str(len(data))}
        return Answer(200, data, {"etag": '"plain"', **told})

    def fetch(self, uri: str, sha256: str = "", **settings: str) -> tuple[str, str]:
        """What fetching ended in: ``path`` or an error's name, and the rest of the line."""
        kind, _, rest = self._run("fetch", uri, sha256, **settings).partition(" ")
        return kind, rest

    def cached(self, uri: str) -> str:
        """What the cache was found to hold."""
        return self._run("cached", uri)

    def _run(self, *arguments: str, **settings: str) -> str:
        keep = {name: value for name, value in os.environ.items() if not name.startswith(("HF_", "HUGGING"))}
        ours = {
            "HF_ENDPOINT": self.server.url,
            "HF_HOME": str(self.home),
            "HF_HUB_DISABLE_TELEMETRY": "1",
            "NO_PROXY": "*",
        }
        done = subprocess.run(
            [sys.executable, "-c", FETCH, *arguments],
            env=keep | ours | settings,
            capture_output=True,
            text=True,
            timeout=60,
            check=True,
        )
        assert "\n" not in done.stdout
        return done.stdout


@pytest.fixture
def hub(loopback: Loopback, tiny: Path, tmp_path: Path) -> Hub:
    return Hub(loopback, {"tiny.gguf": tiny.read_bytes()}, tmp_path / "home")


URI = "hf://owner/repo/sub/tiny.gguf"


def test_a_file_is_fetched_once_and_used_offline(hub: Hub) -> None:
    kind, path = hub.fetch(URI, hub.sha256)
    assert kind == "path"
    assert read_header(Path(path)).name == "tiny"
    assert hub.fetched == ["tiny.gguf"]
    assert hub.fetch(f"hf://owner/repo@{COMMIT}/sub/tiny.gguf") == ("path", path)
    assert hub.fetch(URI, hub.sha256, HF_HUB_OFFLINE="1") == ("path", path)
    hub.server.close()
    assert hub.fetch(URI) == ("path", path)
    kind, said = hub.fetch(URI, "0" * 64)
    assert kind == "ModelFileError"
    assert hub.sha256 in said


def test_a_file_that_differs_from_what_the_hub_tells(hub: Hub) -> None:
    hub.told["tiny.gguf"] = "f" * 64
    kind, said = hub.fetch(URI)
    assert kind == "ModelFileError"
    assert "damaged" in said
    assert not list(hub.home.rglob("*.gguf"))
    assert not list(hub.home.rglob("f" * 64))
    hub.told["tiny.gguf"] = hub.sha256
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


class TestSeveralFiles:
    """A model of the zoo in three files, as ``gguf-split`` writes them."""

    FIRST, SECOND, THIRD = (f"sub/math-{number:05}-of-00003.gguf" for number in (1, 2, 3))
    URI = f"hf://owner/repo/{FIRST}"

    @pytest.fixture
    def parts(self, tmp_path: Path) -> list[Path]:
        return split(catalog.path("math"), tmp_path, 3, name="math")

    @pytest.fixture
    def hub(self, loopback: Loopback, parts: list[Path], tmp_path: Path) -> Hub:
        return Hub(loopback, {path.name: path.read_bytes() for path in parts}, tmp_path / "home")

    async def test_all_are_fetched_and_loaded_through_the_first(self, hub: Hub, parts: list[Path]) -> None:
        kind, path = hub.fetch(self.URI, checksum(parts))
        assert kind == "path"
        assert hub.fetched == [part.name for part in parts]
        ask = Request(({"role": "user", "content": "What is 17 + 23?\nsolve"},), Sampling(max_tokens=20))
        said = []
        for file in (Path(path), catalog.path("math")):
            model = LlamaModel(file, LlamaSpec(path=str(file), threads=1))
            said.append((await model.generate(ask)).text)
            await model.close()
        assert said[0] == said[1] != ""
        assert hub.fetch(self.URI, HF_HUB_OFFLINE="1") == ("path", path)
        assert len(hub.fetched) == 3

    def test_what_is_complete_is_not_fetched_again(self, hub: Hub, parts: list[Path]) -> None:
        hub.breaks = {parts[1].name}
        kind, said = hub.fetch(self.URI)
        assert kind == "ModelUnavailable"
        assert said.startswith(f"hf://owner/repo/{self.SECOND}: ")
        hub.breaks = set()
        assert hub.fetch(self.URI)[0] == "path"
        assert hub.fetched == [parts[0].name, parts[1].name, parts[1].name, parts[2].name]

    def test_a_missing_one_is_named(self, hub: Hub, parts: list[Path]) -> None:
        del hub.files[parts[2].name]
        kind, said = hub.fetch(self.URI)
        assert kind == "ModelFileError"
        assert said.startswith(f"hf://owner/repo/{self.THIRD}: the repository has no file {self.THIRD}")

    def test_a_damaged_one_is_named(self, hub: Hub, parts: list[Path]) -> None:
        hub.told[parts[1].name] = "f" * 64
        kind, said = hub.fetch(self.URI)
        assert kind == "ModelFileError"
        assert said.startswith(f"hf://owner/repo/{self.SECOND}: was damaged on its way")

    def test_a_checksum_is_that_of_all_of_them(self, hub: Hub, parts: list[Path]) -> None:
        kind, said = hub.fetch(self.URI, hashlib.sha256(parts[0].read_bytes()).hexdigest())
        assert kind == "ModelFileError"
        assert f"its SHA-256 is {checksum(parts)}" in said

    def test_a_later_one_names_the_first_and_fetches_nothing(self, hub: Hub) -> None:
        kind, said = hub.fetch(f"hf://owner/repo/{self.SECOND}")
        assert kind == "ModelFileError"
        assert said.endswith("is not the first file of its model; name math-00001-of-00003.gguf")
        assert hub.server.asked == []

    def test_the_cache_has_the_model_only_with_all_of_them(self, hub: Hub, parts: list[Path]) -> None:
        kind, path = hub.fetch(self.URI)
        assert kind == "path"
        assert hub.cached(self.URI) == f"path {path}"
        Path(path).with_name(parts[2].name).unlink()
        assert hub.cached(self.URI) == "path None"


def test_a_name_like_that_of_several_files_may_be_that_of_one(hub: Hub) -> None:
    name = "tiny-00001-of-00002.gguf"
    hub.files[name] = hub.files["tiny.gguf"]
    hub.told[name] = hub.sha256
    assert hub.fetch(f"hf://owner/repo/sub/{name}", hub.sha256)[0] == "path"
    assert hub.fetched == [name]


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
