"""People who take part: the person at the client is asked, in either era of the protocol."""

from __future__ import annotations

from typing import Any

import pytest
from mcp.client.session import ClientRequestContext
from mcp_types import ElicitRequestFormParams, ElicitResult

from agentnet.agents import HumanAgent
from agentnet.contracts.cards import Card
from agentnet.contracts.network import AgentSpec, NetworkSpec
from agentnet.network import Network
from agentnet.prompts import find_pack
from tests.scripted import agent, network, says
from tests.serving.mcp.conftest import ERAS, Running, Serve, Tokens

CHECKED = {"question": "What is 3 + 4?", "protocol": {"verify": {"proposer": "ann", "verifier": "maria"}}}


def with_maria() -> Network:
    """A member that solves, and a person who verifies."""
    maria = HumanAgent("maria", Card(roles=("verifier", "solver")), find_pack("instruct"))
    alone = network(agent("ann", says("=> 7")))
    spec = AgentSpec.model_validate({"name": "maria", "human": "terminal", "card": {"roles": ["verifier", "solver"]}})
    agents = (*alone.spec.agents, spec)
    return Network(NetworkSpec(name="scripted", agents=agents), [*alone, maria])


class Person:
    """Answers forms with some words, or not at all; remembers what was asked."""

    def __init__(self, *words: str) -> None:
        self.left, self.asked = list(words), list[ElicitRequestFormParams]()

    async def __call__(self, context: ClientRequestContext, params: Any) -> ElicitResult:
        self.asked.append(params)
        if not self.left:
            return ElicitResult(action="decline")
        return ElicitResult(action="accept", content={"answer": self.left.pop(0)})


@pytest.mark.parametrize("era", ERAS)
async def test_the_person_at_the_client_takes_their_turns(serve: Serve, era: str) -> None:
    person = Person("approve")
    async with serve(with_maria()) as running:
        async with running.client(era=era, elicitation_callback=person) as client:
            result = await client.call_tool("run_protocol", CHECKED)
        assert (result.structured_content["answer"], result.structured_content["approved"]) == ("7", True)
        assert result.structured_content["agents"] == ["ann", "maria"]
        (form,) = person.asked
        assert "What is 3 + 4?" in form.message
        assert form.requested_schema["properties"]["answer"]["enum"] == ["approve", "disapprove"]
        assert (await _status(running)) == "done"


@pytest.mark.parametrize("era", ERAS)
async def test_a_person_is_asked_as_often_as_it_takes(serve: Serve, era: str) -> None:
    person = Person("8", "7")
    async with serve(with_maria()) as running, running.client(era=era, elicitation_callback=person) as client:
        protocol = {"debate": {"members": ["ann", "maria"], "rounds": 2, "stop": "never"}}
        result = await client.call_tool("run_protocol", {"question": "What is 3 + 4?", "protocol": protocol})
    assert result.structured_content["answer"] == "7"
    assert len(person.asked) == 2


@pytest.mark.parametrize("era", ERAS)
async def test_a_person_who_declines_ends_the_call(serve: Serve, era: str) -> None:
    async with serve(with_maria()) as running:
        async with running.client(era=era, elicitation_callback=Person()) as client:
            result = await client.call_tool("run_protocol", CHECKED)
        assert result.is_error
        assert "gave no answer" in result.content[0].text  # type: ignore[union-attr]
        assert await _status(running) == "cancelled"


@pytest.mark.parametrize("era", ERAS)
async def test_without_forms_the_run_is_left_for_later(serve: Serve, era: str) -> None:
    async with serve(with_maria()) as running:
        async with running.client(era=era) as client:
            result = await client.call_tool("run_protocol", CHECKED)
        assert result.is_error
        assert result.structured_content["status"] == "interrupted"
        assert "maria" in result.structured_content["detail"]


async def test_words_are_for_the_callers_own_runs(serve: Serve) -> None:
    async with serve(with_maria(), Tokens()) as running:
        async with running.client("ada", elicitation_callback=Person()) as ada:
            waiting = await ada.session.call_tool("run_protocol", CHECKED, allow_input_required=True)
        words = {"answer": ElicitResult(action="accept", content={"answer": "approve"})}
        again = {"input_responses": words, "request_state": waiting.request_state, "allow_input_required": True}
        async with running.client("ben", elicitation_callback=Person()) as ben:
            refused = await ben.session.call_tool("run_protocol", CHECKED, **again)
            assert refused.is_error
            assert "there is no run" in refused.content[0].text
        async with running.client("ada", elicitation_callback=Person()) as ada:
            assert (await ada.session.call_tool("run_protocol", CHECKED, **again)).structured_content["answer"] == "7"
            twice = await ada.session.call_tool("run_protocol", CHECKED, **again)
            assert twice.is_error


async def _status(running: Running) -> str:
    (run,) = await running.session.runs.latest()
    return run.status
