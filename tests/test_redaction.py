"""Secrets: what is hidden, and that planted ones are found nowhere."""

from __future__ import annotations

import json
import logging
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import agentnet.redaction
from agentnet.contracts.model_specs import OpenAISpec
from agentnet.errors import ModelError
from agentnet.logs import logger
from agentnet.models.base import Request
from agentnet.models.openai.keys import basic
from agentnet.models.openai.model import OpenAIModel
from agentnet.redaction import know, know_variables, redacted, redacted_url, unfinished, without_known, without_secrets
from agentnet.session import open_session
from tests.cli.conftest import Cli, cli
from tests.models.conftest import Answer, Asked, Loopback, loopback
from tests.models.servers import events, good, piece

__all__ = ["cli", "loopback"]

KEY, PASSWORD, BODY, OTHER = "sk-planted-0001", "planted/pass@0002", "body-planted-0003", "other-planted-0004"
PLANTED = (KEY, PASSWORD, "planted%2Fpass%400002", BODY, OTHER, basic(f"planter:{PASSWORD}"))


@pytest.fixture(autouse=True)
def nothing_known(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(agentnet.redaction, "_known", set())
    monkeypatch.setattr(agentnet.redaction, "_pattern", None)


def test_known_secrets_are_hidden_wherever_they_stand() -> None:
    know("sk-12345678", 'with"quote', None, "", "short")
    assert without_known('a sk-12345678b short {"x": "with\\"quote"}') == 'a …b short {"x": "…"}'
    with pytest.raises(ModelError) as caught:
        raise ModelError("refuses sk-12345678")
    assert str(caught.value) == "refuses …"


def test_of_two_secrets_the_longer_is_hidden() -> None:
    know("12345678", "1234567890")
    assert without_known("1234567890") == "…"


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("http://ann:word@host/v1", "http://…@host/v1"),
        ("see https://ann@host:80/a@b, and http://host/x@y", "see https://…@host:80/a@b, and http://host/x@y"),
        ("http://ann:wo@rd@host", "http://…@host"),
        ("ann@host.example", "ann@host.example"),
        ("http://…@host", "http://…@host"),
    ],
)
def test_users_in_urls(text: str, shown: str) -> None:
    assert redacted(text) == shown


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("http://a:b/c@host/v1", "http://…@host/v1"),
        ("ftp://a:b@host", "ftp://…@host"),
        ("a:b@host", "…@host"),
        ("http://host/v1", "http://host/v1"),
        ("host", "host"),
    ],
)
def test_what_may_be_a_url(text: str, shown: str) -> None:
    assert redacted_url(text) == shown


@pytest.mark.parametrize(
    "address", ["ann:planted-word@host/v1", "http://ann:planted/word@host/v1", "ftp://ann:planted@host"]
)
def test_an_address_that_is_refused_does_not_show_its_password(address: str, tmp_path: Path, cli: Cli) -> None:
    path = tmp_path / "net.yaml"
    path.write_text(f"name: n\nagents: [{{name: a, model: {{model: m, base_url: '{address}'}}}}]\n")
    for command in (["ask", "hello", "-n", path], ["models", "-n", path], ["doctor", "-n", path]):
        ran = cli(*command)
        assert "planted" not in ran.out + ran.err


def test_fields_that_look_like_keys() -> None:
    data = {
        "api_key": "a", "apiKey": "b", "X-Api-Key": ["c", {"d": "e"}], "hf_token": "f", "password": "", "max_tokens": 7,
        "tokens": "usage.tokens", "api_key_env": "OPENAI_API_KEY", "key": 5, "chat": {"Authorization": "Bearer g"},
        "url": "http://h:i@j",
    }  # fmt: skip
    assert without_secrets(data) == {
        "api_key": "…", "apiKey": "…", "X-Api-Key": ["…", {"d": "…"}], "hf_token": "…", "password": "", "max_tokens": 7,
        "tokens": "usage.tokens", "api_key_env": "OPENAI_API_KEY", "key": 5, "chat": {"Authorization": "…"},
        "url": "http://…@j",
    }  # fmt: skip


def test_variables_for_network_files_are_known_without_being_named() -> None:
    know_variables(["MINE"], {"MINE": "mine-12345", "AGENTNET_KEY_A": "own-12345", "AGENTNET_KEY_A_HOST": "host-12345"})
    assert without_known("mine-12345 own-12345 host-12345") == "… … host-12345"


def test_the_beginning_of_a_secret_at_the_end_of_a_text() -> None:
    texts = ("", "a", "as", "a sk-12", "sk-12345678")
    assert [unfinished(text, ["sk-12345678"]) for text in texts] == [0, 0, 1, 5, 0]
    assert unfinished("a", []) == 0


def test_logs_hide_secrets_in_messages_arguments_and_tracebacks(caplog: pytest.LogCaptureFixture) -> None:
    know("sk-12345678")
    try:
        raise ValueError("no sk-12345678 here")
    except ValueError:
        logger("remote").warning("key %s at %s", "sk-12345678", "http://a:b@c", exc_info=True)
    (record,) = caplog.records
    assert record.getMessage() == "key … at http://…@c"
    assert "ValueError: no … here" in caplog.text
    assert "sk-12345678" not in caplog.text


async def test_a_key_that_comes_in_pieces_is_not_streamed(loopback: Loopback, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AGENTNET_KEY_A", "sk-12345678")
    loopback.answer = lambda _: events(
        *(piece(part) for part in ("it is s", "k-12", "345678", "!", "sk-1")), piece("", "stop")
    )
    model = OpenAIModel(OpenAISpec(model="m", base_url=f"{loopback.url}/v1", api_key_env="AGENTNET_KEY_A"))
    chunks = [chunk async for chunk in model.stream(Request(({"role": "user", "content": "?"},)))]
    await model.close()
    assert [chunk.text for chunk in chunks] == ["it is ", "…", "!", "sk-1", ""]
    assert chunks[-1].completion is not None
    assert chunks[-1].completion.text == "it is …!sk-1"


# planted


def echo(asked: Asked) -> Answer:
    """Says everything that it was sent: in its text, in a header, and in the error of every second question."""
    told = json.dumps({"headers": asked.headers, "body": asked.body})
    if asked.body.get("stream"):
        return events(*(piece(told[at : at + 7]) for at in range(0, len(told), 7)), piece(" => 7", "stop"))
    if "fail" in told:
        return Answer(401, {"error": {"message": told}}, {"x-told": KEY})
    return good(f"{told} => 7")


@pytest.fixture
def planted(loopback: Loopback, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    loopback.answer = echo
    monkeypatch.setenv("AGENTNET_KEY_A", KEY)
    monkeypatch.setenv("AGENTNET_KEY_UNUSED", OTHER)
    monkeypatch.setenv("AGENTNET_HOME", str(tmp_path / "home"))
    host = loopback.url.removeprefix("http://")
    extra = f"extra_body: {{api_key: {BODY}, other: {{secret: [{BODY}]}}}}"
    (tmp_path / "net.yaml").write_text(
        "name: net\nagents:\n"
        f"  - {{name: ann, model: {{model: m, base_url: '{loopback.url}/v1', api_key_env: AGENTNET_KEY_A, {extra}}}}}\n"
        f"  - {{name: bob, model: {{model: m, base_url: 'http://planter:planted%2Fpass%400002@{host}/v1', {extra}}}}}\n"
    )
    return tmp_path


def files_of(folder: Path) -> Iterator[tuple[Path, bytes]]:
    for path in folder.rglob("*"):
        if path.is_file() and path.name != "net.yaml":
            yield path, path.read_bytes()


def found_in(data: bytes) -> list[str]:
    return [secret for secret in PLANTED if secret.encode() in data or secret.encode("utf-16-le") in data]


@pytest.mark.parametrize("question", [f"Say 7, and keep {OTHER} to yourself.", "fail"])
@pytest.mark.parametrize("stream", [False, True])
async def test_planted_secrets_are_found_nowhere(
    planted: Path, loopback: Loopback, question: str, stream: bool, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    shown: list[str] = []
    async with open_session(planted / "net.yaml", store=planted / "home" / "runs.db") as session:
        outcome = await session.run(
            question,
            {"parallel": {"branches": ["ann", "bob"], "decide": "majority"}},
            on_event=lambda event: shown.append(event.model_dump_json()),
            stream_text=stream,
        )
        assert any(KEY in str(asked.headers) and BODY in str(asked.body) for asked in loopback.asked)  # they are in use
        assert any(basic(f"planter:{PASSWORD}") in str(asked.headers) for asked in loopback.asked)
        for path, data in files_of(planted):
            assert found_in(data) == [], path
    said = [message.model_dump_json() for message in outcome.messages if message.sender != "user"]
    logged = caplog.text + "".join(map(str, caplog.records))
    texts = [event for event in shown if '"text-streamed"' in event]
    # The key in the question is no server's: in a stream it may come back in pieces, to the person who typed it.
    typed = [OTHER] if stream else []
    for text in (*said, *texts, outcome.answer or ""):
        assert [secret for secret in found_in(text.encode()) if secret not in typed] == []
    assert found_in((logged + outcome.detail).encode()) == []
    for path, data in files_of(planted):
        assert found_in(data) == [], path
    assert any(path.name == "runs.db" for path, _ in files_of(planted))


def test_planted_secrets_are_printed_by_no_command(planted: Path, cli: Cli) -> None:
    net = planted / "net.yaml"
    suite = planted / "suite.yaml"
    (planted / "items.jsonl").write_text('{"question": "Say 7", "answer": "7"}\n{"question": "fail", "answer": "7"}\n')
    suite.write_text(
        "name: s\nnetwork: net.yaml\nsystems: [{name: both, protocol: vote}]\n"
        "datasets: [{name: d, path: items.jsonl, question: question, answer: answer}]\n"
    )
    said = []
    for command in (
        ["ask", "Say 7", "-n", net], ["ask", "fail", "-n", net], ["ask", "fail", "-n", net, "--json"],
        ["models", "-n", net], ["models", "-n", net, "--json"], ["runs", "--json"], ["doctor", "-n", net, "--json"],
        ["eval", suite, "--out", planted / "out"],
    ):  # fmt: skip
        ran = cli(*command)
        said.append(ran.out + ran.err)
        assert found_in((ran.out + ran.err).encode()) == [], command
    for record in json.loads(cli("runs", "--json").out):
        for options in ([], ["--json"], ["--verbose"]):
            assert found_in(cli("show", record["id"], *options).out.encode()) == []
    assert "refuses the key (401)" in "".join(said)
    for path, data in files_of(planted):
        assert found_in(data) == [], path


async def test_a_run_with_secrets_is_resumed_after_they_changed(planted: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    net, store = planted / "net.yaml", planted / "home" / "runs.db"
    protocol: dict[str, Any] = {"parallel": {"branches": ["ann", "bob"], "decide": "majority"}}
    async with open_session(net, store=store) as session:
        run = (await session.run("Say 7", protocol)).run
    with sqlite3.connect(store) as connection:
        connection.execute("UPDATE runs SET status = 'interrupted', owner = NULL")
    connection.close()
    net.write_text(net.read_text().replace(BODY, "changed-0005").replace("pass%400002", "changed-0006"))
    monkeypatch.setenv("AGENTNET_KEY_A", "changed-0007")
    async with open_session(net, store=store) as session:
        assert (await session.resume(run)).status == "done"
