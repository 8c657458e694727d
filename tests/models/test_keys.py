"""Which variable of the environment is sent to which server."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

import pytest

from agentnet.contracts.model_specs import OpenAISpec
from agentnet.errors import ModelError
from agentnet.models.addresses import JOINED, OWNER
from agentnet.models.backends import open_model
from agentnet.models.openai.keys import PROVIDERS, key_for
from agentnet.models.openai.model import OpenAIModel
from tests.models.conftest import Answer, Loopback
from tests.models.servers import ASK, good, model


def key(variable: str, url: str, **environment: str) -> str | None:
    spec = OpenAISpec(model="m", base_url=url, api_key_env=variable)
    return key_for(spec, OWNER.check(url), OWNER, {variable: "sk-1", **environment})


@pytest.mark.parametrize(("variable", "hosts"), PROVIDERS.items())
def test_a_providers_key_goes_to_the_provider_alone(variable: str, hosts: tuple[str, ...]) -> None:
    for host in hosts:
        own = f"mine{host}" if host.startswith(".") else host
        assert key(variable, f"https://{own}/v1") == "sk-1"
        for wrong in (f"http://{own}/v1", f"https://{own}.evil.org/v1", f"https://evil{own}.org/v1"):
            if variable == "OPENAI_API_KEY":
                assert key(variable, wrong) is None
            else:
                with pytest.raises(ModelError, match=f"the key in {variable} is not sent to .*: it is for https://"):
                    key(variable, wrong)


@pytest.mark.parametrize("variable", ["MY_AWS_SECRET", "AWS_SECRET_ACCESS_KEY", "PATH", "agentnet_key_x", "KEY"])
def test_any_other_variable_is_refused_and_the_error_says_how_to_allow_it(variable: str) -> None:
    with pytest.raises(ModelError) as caught:
        key(variable, "https://models.example.org/v1")
    error = str(caught.value)
    assert f"set {variable}_HOST=models.example.org" in error
    assert "AGENTNET_KEY_" in error
    assert "sk-1" not in error
    assert "\n" not in error
    hosts = {f"{variable}_HOST": "models.example.org"}
    assert key(variable, "https://models.example.org/v1", **hosts) == "sk-1"
    with pytest.raises(ModelError, match=r"it is for models\.example\.org"):
        key(variable, "https://elsewhere.example.org/v1", **hosts)


def test_hosts_of_a_key() -> None:
    hosts = {"OPENAI_API_KEY_HOST": "proxy.example.org, 10.0.0.7:8000"}
    assert key("OPENAI_API_KEY", "https://proxy.example.org/v1", **hosts) == "sk-1"
    assert key("OPENAI_API_KEY", "http://10.0.0.7:8000/v1", **hosts) == "sk-1"
    assert key("OPENAI_API_KEY", "http://10.0.0.7:9000/v1", **hosts) is None
    assert key("OPENAI_API_KEY", "https://api.openai.com/v1", **hosts) is None


def test_a_variable_for_network_files_goes_to_the_server_that_the_file_names() -> None:
    assert key("AGENTNET_KEY_GPU", "http://10.0.0.7:8000/v1") == "sk-1"
    with pytest.raises(ModelError, match=r"it is for gpu\.lan"):
        key("AGENTNET_KEY_GPU", "http://10.0.0.7:8000/v1", AGENTNET_KEY_GPU_HOST="gpu.lan")


@pytest.mark.parametrize(
    ("url_env", "key_env", "together"),
    [
        ("OPENAI_BASE_URL", "OPENAI_API_KEY", True),
        ("TEAM_BASE_URL", "TEAM_API_KEY", True),
        ("TEAM_URL", "TEAM_KEY", True),
        ("TEAM_API_URL", "TEAM_TOKEN", True),
        ("OPENAI_BASE_URL", "AWS_SECRET_ACCESS_KEY", False),
        ("HOME", "TEAM_KEY", False),
        ("TEAM_URL", "SECRET", False),
    ],
)
def test_an_address_of_the_environment_and_the_key_beside_it(url_env: str, key_env: str, together: bool) -> None:
    spec = OpenAISpec(model="m", base_url_env=url_env, api_key_env=key_env)
    server = OWNER.check("https://proxy.example.org/v1")
    environment = {url_env: "https://proxy.example.org/v1", key_env: "sk-1"}
    if together:
        assert key_for(spec, server, OWNER, environment) == "sk-1"
    else:
        with pytest.raises(ModelError, match="nothing says that it is for"):
            key_for(spec, server, OWNER, environment)


def test_a_server_that_joined_gets_no_key() -> None:
    for variable in ("OPENAI_API_KEY", "AGENTNET_KEY_GPU", "SECRET"):
        spec = OpenAISpec(model="m", base_url="https://api.openai.com/v1", api_key_env=variable)
        environment = {variable: "sk-1", f"{variable}_HOST": "api.openai.com"}
        assert key_for(spec, JOINED.check("https://api.openai.com/v1"), JOINED, environment) is None


def test_a_variable_that_is_not_set_is_no_key() -> None:
    assert key_for(OpenAISpec(model="m", api_key_env="NONE"), OWNER.check("https://a.b/v1"), OWNER, {}) is None


async def test_the_default_key_stays_at_home(
    loopback: Loopback, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-hidden")
    loopback.answer = lambda _: good()
    caplog.set_level(logging.WARNING)
    for settings in ({}, {"api_key_env": "OPENAI_API_KEY"}):
        made = model(loopback, **settings)
        assert (await made.generate(ASK)).text == "4"
        await made.close()
    assert all("authorization" not in asked.headers for asked in loopback.asked)
    (warning,) = caplog.messages  # only where the file names the variable
    assert "OPENAI_API_KEY_HOST" in warning
    assert "sk-hidden" not in str([asked.headers for asked in loopback.asked])


async def test_a_key_that_was_not_sent_is_named_where_the_server_wants_one(
    loopback: Loopback, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-hidden")
    loopback.answer = lambda _: Answer(401, "no")
    made = model(loopback)
    with pytest.raises(ModelError, match=r"OPENAI_API_KEY.*OPENAI_API_KEY_HOST=127\.0\.0\.1"):
        await made.generate(ASK)
    await made.close()


@pytest.mark.parametrize(
    ("spec", "says"),
    [
        ({"base_url": "http://127.0.0.1:9/v1", "api_key_env": "MY_AWS_SECRET"}, "MY_AWS_SECRET_HOST=127.0.0.1"),
        ({"base_url": "http://2130706433/v1"}, "not the address of a server"),
    ],
)
def test_a_network_with_such_a_member_does_not_open(
    spec: dict[str, Any], says: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MY_AWS_SECRET", "sk-hidden")
    with pytest.raises(ModelError, match=says):
        open_model(OpenAISpec(model="m", **spec), base=tmp_path)


async def test_redirects_are_not_followed(loopback: Loopback, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AGENTNET_KEY_X", "sk-hidden")
    other = Loopback()
    other.answer = lambda _: good()
    for status in (301, 302, 303, 307, 308):
        for target in (
            f"{other.url}/v1/chat/completions",
            "/v2/chat/completions",
            "http://169.254.169.254/",
            "file:///",
        ):
            loopback.asked.clear()
            loopback.answer = lambda _, to=target, code=status: Answer(code, "", {"location": to})  # type: ignore[misc]
            made: OpenAIModel = model(loopback, api_key_env="AGENTNET_KEY_X")
            with pytest.raises(ModelError, match=rf"redirects to .*\({status}\), which is not followed") as caught:
                await made.generate(ASK)
            assert "\n" not in str(caught.value)
            with pytest.raises(ModelError, match="which is not followed"):
                [chunk async for chunk in made.stream(ASK)]
            await made.close()
            assert len(loopback.asked) == 2
    assert other.asked == []
    other.close()
