"""A network of real processes: its hub, a node, and the command line beside them."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
import threading
import time
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from agentnet.cli.app import app
from agentnet.network.roster import Roster
from agentnet.store import Database
from agentnet.store.nodes import Nodes

ROOT = Path(__file__).parents[2]
TEAM = """
name: team
agents:
  - {name: facts, model: {path: "zoo:facts", threads: 1}}
"""
MINE = """
name: mine
agents:
  - {name: math, model: {path: "zoo:math", threads: 1, sequences: 2}}
  - {name: maria, human: terminal}
"""
CLOCK = """
import time
import urllib.request
_now = time.time
time.time = lambda: _now() + 400 * 86400
"""
SUM = "What is 12 + 7?"
PATIENCE = 180.0
pytestmark = pytest.mark.timeout(600)


class Process:
    """A command that goes on for long. `ready` is the JSON line that it prints once it is; `said` its stderr so far."""

    def __init__(self, arguments: list[str], environment: dict[str, str], folder: Path) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "agentnet", *arguments],
            cwd=folder,
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        self._lines: list[str] = []
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        assert self._process.stderr is not None
        self._lines.extend(iter(self._process.stderr.readline, ""))

    def ready(self) -> Any:
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        assert line, f"it ended: {self.ended()} {self.said}"
        return json.loads(line)

    @property
    def said(self) -> str:
        return "".join(self._lines)

    def signal(self, number: int) -> None:
        self._process.send_signal(number)

    def ended(self) -> int:
        """Wait for the end, and return the exit code."""
        code = self._process.wait(PATIENCE)
        self._reader.join(PATIENCE)
        return code

    def stop(self) -> None:
        if self._process.poll() is None:
            self._process.kill()
        self.ended()


class World:
    """A folder with two network files, a store, and the processes of a test."""

    def __init__(self, folder: Path) -> None:
        self.folder, self._started = folder, list[Process]()
        (folder / "team.yaml").write_text(TEAM)
        (folder / "mine.yaml").write_text(MINE)
        own = {name: value for name, value in os.environ.items() if not name.startswith(("AGENTNET_", "OPENAI_"))}
        self.environment = {
            **own,
            "PYTHONPATH": str(ROOT),
            "AGENTNET_HOME": str(folder / "home"),
            "AGENTNET_TRIAL": "off",
            "AGENTNET_NETWORK": str(folder / "team.yaml"),
        }

    def start(self, *arguments: object, **environment: str) -> Process:
        """Start a command that goes on for long."""
        process = Process([str(argument) for argument in arguments], self.environment | environment, self.folder)
        self._started.append(process)
        return process

    def serve(self, *options: object) -> tuple[Process, str]:
        """Start a hub, and return it with its URL."""
        process = self.start("serve", "--port", 0, "--json", *options)
        return process, process.ready()["url"]

    def join(self, url: str, *options: object, **environment: str) -> Process:
        """Start a node, which takes part when this returns."""
        process = self.start("join", url, "--network", "mine.yaml", "--name", "box", "--json", *options, **environment)
        assert process.ready()["members"] == ["math"]
        return process

    def run(self, *arguments: object) -> subprocess.CompletedProcess[str]:
        """Run a command to its end."""
        return subprocess.run(
            [sys.executable, "-m", "agentnet", *map(str, arguments)],
            cwd=self.folder,
            env=self.environment,
            capture_output=True,
            text=True,
            timeout=PATIENCE,
        )

    def state(self) -> str | None:
        """The state of the node, as the store has it; None where there is none."""

        async def read() -> str | None:
            async with await Database.open(self.folder / "home" / "agentnet.db") as database:
                found = await Roster(Nodes(database, "team")).nodes(gone=True)
                return next((node.state for node in found if node.name == "box"), None)

        return asyncio.run(read())

    def until(self, holds: Callable[[], bool]) -> None:
        """Wait until something holds."""
        end = time.monotonic() + PATIENCE
        while not holds():
            assert time.monotonic() < end
            time.sleep(0.1)

    def answer(self, *options: object) -> str | None:
        """The answer of the node's member, over `agentnet ask`."""
        ran = self.run("ask", SUM, "--protocol", "math", "--json", *options)
        assert ran.returncode in (0, 1), ran.stderr
        answer: str | None = json.loads(ran.stdout)["answer"]
        return answer

    def close(self) -> None:
        for process in self._started:
            process.stop()
            assert "Traceback" not in process.said


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    made = World(tmp_path)
    yield made
    made.close()


@pytest.mark.slow
def test_a_newcomer_serves_joins_looks_and_asks(world: World) -> None:
    hub, url = world.serve()
    node = world.join(url)
    listed = json.loads(world.run("nodes", "--json").stdout)
    (found,) = listed["nodes"]
    assert (found["name"], found["state"]) == ("box", "active")
    assert [offer["name"] for offer in found["offers"]] == ["math"]  # a person cannot be offered
    assert "box" in world.run("nodes").stdout
    assert world.answer() == "19"
    node.signal(signal.SIGTERM)
    assert node.ended() == 0
    assert node.said.rstrip().endswith("left")
    assert world.state() == "gone"

    hub.signal(signal.SIGINT)
    assert hub.ended() == 0
    events = json.loads(world.run("nodes", "events", "--json").stdout)
    assert [event["after"] for event in events if event["member"] is None] == ["joining", "active", "gone"]


@pytest.mark.slow
def test_a_node_that_is_killed_is_noticed_and_may_come_back(world: World) -> None:
    _, url = world.serve("--lease", 2)
    node = world.join(url)
    node.signal(signal.SIGKILL)
    node.ended()
    world.until(lambda: world.state() == "gone")
    again = world.join(url)
    assert world.state() == "active"
    again.signal(signal.SIGKILL)
    again.ended()
    world.join(url)  # at once, with the same key at another address
    assert world.answer() == "19"


@pytest.mark.slow
def test_a_hub_that_is_killed_finds_its_nodes_when_it_is_back(world: World) -> None:
    hub, url = world.serve("--lease", 3)
    node = world.join(url)
    hub.signal(signal.SIGKILL)
    hub.ended()
    world.until(lambda: "cannot be reached" in node.said)
    back = world.start("serve", "--port", url.rpartition(":")[2], "--json", "--lease", 3)
    assert back.ready()["url"] == url
    world.until(lambda: "is back" in node.said)
    assert world.state() == "active"
    assert world.answer() == "19"


@pytest.mark.slow
def test_the_owner_of_a_node_lets_it_leave(world: World) -> None:
    _, url = world.serve("--lease", 2)
    node = world.join(url)
    left = world.run("leave", url, "--name", "box")
    assert (left.returncode, left.stdout) == (0, "node box is draining\n")
    assert node.ended() == 0
    assert "the network wants this node to leave" in node.said
    assert world.state() == "gone"


@pytest.mark.slow
def test_the_owner_of_a_network_expels_a_node(world: World) -> None:
    _, url = world.serve("--lease", 2)
    node = world.join(url)
    assert world.run("nodes", "expel", "box", "--why", "it lies").returncode == 0
    assert node.ended() == 2
    assert "agentnet: node box was expelled: it lies" in node.said
    refused = world.run("join", url, "--network", "mine.yaml", "--name", "box")
    assert refused.returncode == 2
    assert "it lies" in refused.stderr
    assert world.run("nodes", "readmit", "box").returncode == 0
    world.join(url)
    assert world.state() == "active"


@pytest.mark.slow
def test_a_node_with_a_wrong_clock_takes_part(world: World) -> None:
    (world.folder / "clock").mkdir()
    (world.folder / "clock" / "sitecustomize.py").write_text(CLOCK)
    _, url = world.serve("--lease", 2)
    world.join(url, PYTHONPATH=os.pathsep.join([str(world.folder / "clock"), str(ROOT)]))
    time.sleep(3)  # longer than a lease
    assert world.state() == "active"
    assert world.answer() == "19"


@pytest.fixture
def failure(world: World, monkeypatch: pytest.MonkeyPatch) -> Callable[..., str]:
    """Run a command that is bad input in this process, and return its one line."""
    for name, value in world.environment.items():
        if name.startswith("AGENTNET_"):
            monkeypatch.setenv(name, value)
    monkeypatch.chdir(world.folder)

    def run(*arguments: object) -> str:
        ran = CliRunner().invoke(app, [str(argument) for argument in arguments])
        assert ran.exit_code == 2, ran.output
        assert ran.stdout == ""
        assert ran.stderr.count("\n") == 1, ran.stderr
        return ran.stderr

    return run


@pytest.mark.slow
def test_bad_input_is_one_line(world: World, failure: Callable[..., str]) -> None:
    _, url = world.serve()
    mine = ("--network", "mine.yaml")
    assert "cannot listen" in failure("serve", "--port", url.rpartition(":")[2])
    assert "set AGENTNET_TOKEN" in failure("serve", "--host", "0.0.0.0", "--port", 0)
    assert "is no network of IP addresses" in failure("serve", "--nodes", "192.168.1.7/24", "--port", 0)
    assert "does `agentnet serve` run there?" in failure("join", "http://127.0.0.1:1", *mine)
    assert "nonsense: not the address of a server" in failure("join", "nonsense", *mine)
    assert "'nobody' is no model of network 'mine'" in failure("join", url, *mine, "--offer", "nobody")
    assert "'maria' is no model" in failure("join", url, *mine, "--offer", "maria")
    assert "'facts' is a member of the network itself" in failure("join", url, "--network", "team.yaml")
    assert "name" in failure("join", url, *mine, "--name", "A b")
    assert "say with --url" in failure("join", url, *mine, "--host", "0.0.0.0")
    assert "'node' is no base URL" in failure("join", url, *mine, "--url", "node")
    assert "no key of a node 'nobody'" in failure("leave", url, "--name", "nobody")
    assert "say which node" in failure("nodes", "expel")
    assert "no node 'nobody'" in failure("nodes", "expel", "nobody")


@pytest.mark.slow
def test_a_detached_run_outlives_its_server(world: World) -> None:
    """A person is asked, the server is killed, and the next one asks them again."""
    server = world.start("serve", "--port", 0, "--network", "mine.yaml")
    world.until(lambda: server.said.count("\n") >= 3)
    where, base, who = server.said.splitlines()[:3]
    url = where.rpartition(" ")[2].rstrip("/")
    assert base.endswith(f"{url}/v1")
    assert "no keys" in who

    def sent(path: str, data: Any = None) -> Any:
        body = None if data is None else json.dumps(data).encode()
        request = urllib.request.Request(f"{url}/api/{path}", body, {"content-type": "application/json"})
        with urllib.request.urlopen(request, timeout=PATIENCE) as response:
            return json.load(response)

    run = sent("runs", {"question": SUM, "protocol": "mine/maria"})["id"]
    world.until(lambda: sent(f"runs/{run}")["question"] is not None)
    server.signal(signal.SIGKILL)
    server.ended()
    back = world.start("serve", "--port", url.rpartition(":")[2], "--network", "mine.yaml")
    world.until(lambda: back.said.count("\n") >= 3)
    world.until(lambda: sent(f"runs/{run}")["question"] is not None)
    sent(f"runs/{run}/answer", {"words": "19"})
    world.until(lambda: sent(f"runs/{run}")["status"] == "done")
    assert sent(f"runs/{run}")["answer"] == "19"
    back.signal(signal.SIGTERM)
    assert back.ended() == 0
