"""What a run loads: a network of servers needs neither the engine nor fusion."""

from __future__ import annotations

import subprocess
import sys

from tests.models.conftest import Answer, Asked, Loopback, loopback

__all__ = ["loopback"]

RUN = """
import asyncio, sys
import agentnet
from agentnet.contracts.cards import Card
from agentnet.contracts.model_specs import OpenAISpec
from agentnet.contracts.network import AgentSpec, NetworkSpec

async def main():
    far = OpenAISpec(model="m", base_url=sys.argv[1])
    agents = tuple(AgentSpec(name=name, model=far, card=Card(roles=("solver",))) for name in ("ada", "bob"))
    async with agentnet.open(NetworkSpec(name="far", agents=agents), remember=False) as session:
        return (await session.run("What is 2 + 2?", "vote")).answer

print(asyncio.run(main()))
print(*(name for name in sys.argv[2:] if name in sys.modules))
"""
DECODING = ("agentnet.models.llama", "agentnet.fusion", "agentnet.collab.fused_turn", "llama_cpp", "numpy")


def test_a_run_over_servers_loads_neither_the_engine_nor_fusion(loopback: Loopback) -> None:
    def answer(_: Asked) -> Answer:
        message = {"role": "assistant", "content": "4"}
        return Answer(body={"choices": [{"index": 0, "message": message, "finish_reason": "stop"}]})

    loopback.answer = answer
    command = [sys.executable, "-c", RUN, f"{loopback.url}/v1", *DECODING]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines() == ["4", ""]
    assert len(loopback.asked) == 1  # of two votes, the first one decides a tie


def test_decoding_together_names_no_engine() -> None:
    code = "import sys, agentnet.collab.fused_turn; print(*(name for name in sys.argv[1:] if name in sys.modules))"
    command = [sys.executable, "-c", code, "agentnet.models.llama", "llama_cpp"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True)
    assert done.stdout.strip() == ""
