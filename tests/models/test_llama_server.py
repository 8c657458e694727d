"""`OpenAIModel` against llama-cpp-python's own server, which runs a tiny model of random weights."""

from __future__ import annotations

import json
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from agentnet.contracts.model_specs import OpenAISpec
from agentnet.contracts.sampling import Sampling
from agentnet.errors import BadResponse, ContextOverflow
from agentnet.models.base import Request
from agentnet.models.openai.model import OpenAIModel
from tests.models.conftest import CONTEXT

pytest.importorskip("uvicorn")

ASK = Request(({"role": "user", "content": "2 + 2?"},), Sampling(max_tokens=12))
SCHEMA = {"type": "object", "properties": {"answer": {"enum": ["yes", "no"]}}, "required": ["answer"]}
PATIENCE = 60.0


@pytest.fixture(scope="module")
def server(tiny: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The base URL of the running server."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    said = tmp_path_factory.mktemp("server") / "log"
    command = [sys.executable, "-m", "llama_cpp.server", "--model", str(tiny), "--host", "127.0.0.1"]
    command += ["--port", str(port), "--n_ctx", str(CONTEXT), "--n_threads", "1", "--n_threads_batch", "1"]
    with said.open("wb") as file, subprocess.Popen(command, stdout=file, stderr=file) as process:
        try:
            url = f"http://127.0.0.1:{port}/v1"
            _wait(url, process, said)
            yield url
        finally:
            process.terminate()


def _wait(url: str, process: subprocess.Popen[bytes], said: Path) -> None:
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline and process.poll() is None:
        try:
            urllib.request.urlopen(f"{url}/models", timeout=5).close()
            return
        except OSError:
            time.sleep(0.05)
    pytest.fail(f"the server did not start: {said.read_text(errors='replace')[-2000:]}")


@pytest.fixture
async def model(server: str) -> AsyncIterator[OpenAIModel]:
    made = OpenAIModel(OpenAISpec(model="tiny", base_url=server, api_key_env="NO_SUCH_KEY", attempts=2, max_wait=0.1))
    yield made
    await made.close()


async def test_a_reply_and_a_stream_say_the_same(model: OpenAIModel) -> None:
    whole = await model.generate(ASK)
    assert whole.text
    assert whole.usage.prompt_tokens > 0
    assert whole.usage.completion_tokens > 0
    chunks = [chunk async for chunk in model.stream(ASK)]
    last = chunks[-1].completion
    assert last is not None
    assert "".join(chunk.text for chunk in chunks) == last.text == whole.text
    assert last.finish == whole.finish


async def test_a_reply_is_held_to_a_schema(model: OpenAIModel) -> None:
    """This server does not know ``json_schema``, but takes a schema along with ``json_object``."""
    request = Request(ASK.messages, Sampling(max_tokens=100), schema=SCHEMA)
    done = await model.generate(request)
    assert model.capabilities.schema is True
    if done.finish == "stop":
        assert json.loads(done.text)["answer"] in ("yes", "no")
    else:
        assert done.text.lstrip().startswith("{")


async def test_a_prompt_that_does_not_fit(model: OpenAIModel) -> None:
    with pytest.raises(ContextOverflow, match=str(CONTEXT)):
        await model.generate(Request(({"role": "user", "content": "word " * CONTEXT},), ASK.sampling))


async def test_a_streamed_prompt_that_does_not_fit(model: OpenAIModel) -> None:
    """This server then sends an empty stream, without a reason."""
    with pytest.raises(BadResponse, match="too long"):
        async for _ in model.stream(Request(({"role": "user", "content": "word " * CONTEXT},), ASK.sampling)):
            pass


async def test_log_probabilities_that_the_server_was_not_started_for(model: OpenAIModel) -> None:
    done = await model.generate(Request(ASK.messages, ASK.sampling, logprobs=True))
    assert done.logprobs is None or len(done.logprobs) == done.usage.completion_tokens
    assert model.capabilities.logprobs is (done.logprobs is not None)
