"""The recipes of docs/serve, each as far as it can be tried on one machine: a real gateway, and real clients of it."""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import httpx2
import pytest
from mcp import StdioServerParameters
from mcp.client import Client
from mcp.client.streamable_http import streamable_http_client

from tools.conformance.gateway import Served, served

RECIPES = Path(__file__).parents[2] / "docs" / "serve"
NAME = "agents.example.org"
SUM = "What is 347 + 285?"
pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]


@pytest.fixture(scope="module")
def gateway() -> Iterator[Served]:
    """A gateway that a reverse proxy reaches under a name of its own."""
    with served("--allowed-host", NAME, keyed=True) as found:
        yield found


def test_langchain_asks_the_network(gateway: Served) -> None:
    environment = {**gateway.environment, "AGENTNET_URL": gateway.url, "AGENTNET_KEY": gateway.key}
    command = [sys.executable, str(RECIPES / "langchain_client.py")]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=120)
    assert (done.returncode, done.stdout.split()) == (0, ["632", "1416"]), done.stderr


def test_an_a2a_client_asks_the_network(gateway: Served) -> None:
    environment = {**gateway.environment, "AGENTNET_URL": gateway.url, "AGENTNET_KEY": gateway.key}
    command = [sys.executable, str(RECIPES / "a2a_client.py")]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=120)
    assert (done.returncode, done.stdout.split()) == (0, ["632"]), done.stderr


def test_the_card_names_the_address_at_which_callers_reach_the_gateway() -> None:
    with served("--url", f"https://{NAME}", keyed=True) as gateway:
        card = httpx.get(f"{gateway.url}/.well-known/agent-card.json").json()
    assert {interface["url"] for interface in card["supportedInterfaces"]} == {f"https://{NAME}/a2a"}


def _mcp_servers(gateway: Served) -> dict[str, Any]:
    text = (RECIPES / "mcp.json").read_text(encoding="utf-8")
    text = text.replace("${AGENTNET_KEY}", gateway.key).replace("http://127.0.0.1:8080", gateway.url)
    servers: dict[str, Any] = json.loads(text)["mcpServers"]
    return servers


async def test_a_client_that_is_configured_as_claude_starts_the_network(gateway: Served) -> None:
    given = _mcp_servers(gateway)["agentnet"]
    command = shutil.which(given["command"], path=str(Path(sys.executable).parent))
    assert command is not None
    parameters = StdioServerParameters(command=command, args=given["args"], env=gateway.environment)
    async with Client(parameters) as client:
        result = await client.call_tool("ask", {"question": SUM, "label": "math"})
    assert result.structured_content["answer"] == "632"


async def test_a_client_that_is_configured_as_claude_reaches_a_gateway(gateway: Served) -> None:
    given = _mcp_servers(gateway)["agentnet-http"]
    assert given["type"] == "http"
    async with (
        httpx2.AsyncClient(headers=given["headers"], timeout=60) as http,
        Client(streamable_http_client(given["url"], http_client=http)) as client,
    ):
        result = await client.call_tool("ask", {"question": SUM, "label": "math"})
    assert result.structured_content["answer"] == "632"


def test_open_webui_can_ask_as_it_does(gateway: Served) -> None:
    """It lists the models, and streams a completion of the default one; the thoughts come as reasoning."""
    lines = (RECIPES / "open-webui.env").read_text(encoding="utf-8").splitlines()
    settings = dict(line.split("=", 1) for line in lines if line and not line.startswith("#"))
    base = settings["OPENAI_API_BASE_URL"].replace("http://host.docker.internal:8080", gateway.url)
    headers = {"Authorization": f"Bearer {settings['OPENAI_API_KEY'].replace('an-YOUR-KEY', gateway.key)}"}
    models = httpx.get(f"{base}/models", headers=headers).json()["data"]
    assert settings["DEFAULT_MODELS"] in [model["id"] for model in models]
    body = {"model": "debate", "stream": True, "messages": [{"role": "user", "content": SUM}]}
    said: dict[str, str] = {"content": "", "reasoning_content": ""}
    with httpx.stream("POST", f"{base}/chat/completions", headers=headers, json=body, timeout=60) as response:
        assert response.headers["content-type"].startswith("text/event-stream")
        for line in response.iter_lines():
            if line.startswith("data: {"):
                for choice in json.loads(line.removeprefix("data: "))["choices"]:
                    for name in said:
                        said[name] += choice["delta"].get(name) or ""
    assert said["content"] == "632"
    assert "347+285" in said["reasoning_content"]


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="systemd is not installed")
def test_systemd_accepts_the_unit(tmp_path: Path) -> None:
    unit = tmp_path / "agentnet.service"
    text = (RECIPES / "agentnet.service").read_text(encoding="utf-8")
    program = re.search(r"^ExecStart=(\S+) (.*)$", text, re.M)
    assert program is not None
    unit.write_text(text.replace(program[1], str(Path(sys.executable).with_name("agentnet"))))
    checked = subprocess.run(["systemd-analyze", "verify", str(unit)], capture_output=True, text=True)
    assert (checked.returncode, checked.stderr) == (0, "")
    _takes(shlex.split(program[2]))


def test_the_container_starts_as_it_says(gateway: Served) -> None:
    """The commands in the file are those of this version, and its health check holds on a gateway that runs."""
    text = (RECIPES / "Containerfile").read_text(encoding="utf-8")
    commands = {
        name: json.loads(re.findall(rf"^{name} (?:CMD )?(\[.*\])$", text, re.M)[0])
        for name in ("ENTRYPOINT", "CMD", "HEALTHCHECK")
    }
    assert commands["ENTRYPOINT"] == ["agentnet"]
    _takes(commands["CMD"])
    check = [part.replace("http://127.0.0.1:8080", gateway.url) for part in commands["HEALTHCHECK"]]
    assert subprocess.run([sys.executable, *check[1:]], timeout=60).returncode == 0
    refused = gateway.environment | {"AGENTNET_HOME": str(gateway.folder / "fresh"), "AGENTNET_TOKEN": ""}
    without = [sys.executable, "-m", "agentnet", *commands["CMD"][:-1], "0"]
    done = subprocess.run(without, env=refused, capture_output=True, text=True, timeout=120)
    assert done.returncode == 2
    assert "agentnet keys create" in done.stderr


def _takes(command: list[str]) -> None:
    """Check that a command line of the recipes has options that exist."""
    shown = subprocess.run([sys.executable, "-m", "agentnet", command[0], "--help"], capture_output=True, text=True)
    assert shown.returncode == 0
    assert {part for part in command if part.startswith("--")} <= set(re.findall(r"--[a-z-]+", shown.stdout))


@pytest.mark.skipif(shutil.which("nginx") is None, reason="nginx is not installed")
async def test_a_reverse_proxy_carries_streams_and_sessions(gateway: Served, tmp_path: Path) -> None:
    headers = {"Host": NAME, "Authorization": f"Bearer {gateway.key}"}
    with _proxied(gateway, tmp_path) as url:
        async with httpx2.AsyncClient(verify=False, headers=headers, timeout=60) as http:
            assert (await http.get(f"{url}/v1/models")).status_code == 200
            assert (await http.get(f"{url}/v1/models", headers={"Authorization": "Bearer no"})).status_code == 401
            assert (await http.get(f"{url}/v1/models", headers={"Host": "other.example.org"})).status_code == 403
            body = {"model": "debate", "stream": True, "messages": [{"role": "user", "content": SUM}]}
            async with http.stream("POST", f"{url}/v1/chat/completions", json=body) as response:
                chunks = [line async for line in response.aiter_lines() if line.startswith("data: ")]
            assert chunks[-1] == "data: [DONE]"
            for era in ("legacy", "auto"):
                async with Client(streamable_http_client(f"{url}/mcp", http_client=http), mode=era) as client:
                    result = await client.call_tool("ask", {"question": SUM, "label": "math"})
                    assert result.structured_content["answer"] == "632"


@contextmanager
def _proxied(gateway: Served, folder: Path) -> Iterator[str]:
    """Start nginx with the recipe's configuration, on a free port and with a certificate of its own."""
    subject = ["-subj", f"/CN={NAME}", "-keyout", "key.pem", "-out", "chain.pem", "-days", "2", "-nodes"]
    command = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", *subject]
    subprocess.run(command, cwd=folder, check=True, capture_output=True)
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    text = (RECIPES / "nginx.conf").read_text(encoding="utf-8")
    changed = {
        "127.0.0.1:8080": gateway.url.removeprefix("http://"),
        "listen 443 ssl": f"listen 127.0.0.1:{port} ssl",
        f"/etc/ssl/{NAME}/fullchain.pem": str(folder / "chain.pem"),
        f"/etc/ssl/{NAME}/privkey.pem": str(folder / "key.pem"),
    }
    for before, after in changed.items():
        assert before in text
        text = text.replace(before, after)
    kinds = ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    temporary = "".join(f"{kind}_temp_path {folder}/{kind};" for kind in kinds)
    frame = (
        f"master_process off; daemon off; pid {folder}/pid; events {{}} http {{ access_log off; {temporary} {text} }}"
    )
    (folder / "nginx.conf").write_text(frame)
    started = ["nginx", "-p", str(folder), "-e", str(folder / "log"), "-c", str(folder / "nginx.conf")]
    process = subprocess.Popen(started, env={**os.environ}, stderr=subprocess.PIPE, text=True)
    try:
        while True:
            assert process.poll() is None, process.stderr and process.stderr.read()
            try:
                socket.create_connection(("127.0.0.1", port), timeout=1).close()
                break
            except OSError:
                time.sleep(0.05)
        yield f"https://127.0.0.1:{port}"
    finally:
        process.terminate()
        process.communicate()
