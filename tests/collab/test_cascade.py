"""`cascade`: who is asked, when it stops, and what counts then."""

from __future__ import annotations

import math
from typing import Any

import pytest

from agentnet.agents import ModelAgent
from agentnet.contracts.bodies import Result, Task
from agentnet.coordinator import Coordinator, Outcome
from agentnet.errors import ModelUnavailable, PreflightError, ProtocolError
from agentnet.models.base import Completion, ModelCapabilities, Request
from agentnet.models.scripted import ScriptedModel
from tests.scripted import agent, network, prompts, requests, says, spec

TASK = Task(text="What is 17 × 23?")


def fails(_: Request) -> str:
    raise ModelUnavailable("the server is down")


async def run(agents: list[ModelAgent], **settings: Any) -> Outcome:
    steps = [member.name for member in agents]
    return await Coordinator(network(*agents)).run(TASK, spec({"cascade": {"steps": steps, **settings}}))


def result(outcome: Outcome) -> Result:
    body = outcome.messages[-1].body
    assert isinstance(body, Result)
    return body


def asked(agents: list[ModelAgent]) -> list[int]:
    return [len(requests(member)) for member in agents]


def team(*replies: str) -> list[ModelAgent]:
    return [
        agent(name, says(f"=> {reply}")) for name, reply in zip(("ann", "bob", "cal", "dan"), replies, strict=False)
    ]


async def test_two_that_agree_are_enough() -> None:
    agents = team("391", "391", "400")
    outcome = await run(agents)
    assert outcome.answer == "391"
    assert asked(agents) == [1, 1, 0]
    assert result(outcome).decision == "agreement of 2"
    assert len(result(outcome).sources) == 2
    assert outcome.usage.calls == 2


async def test_a_third_that_agrees_with_either_settles_it() -> None:
    agents = team("391", "400", "391", "17")
    outcome = await run(agents)
    assert outcome.answer == "391"
    assert asked(agents) == [1, 1, 1, 0]
    assert result(outcome).support == {"391": 2.0, "400": 1.0}


async def test_steps_do_not_see_each_other() -> None:
    agents = team("1", "2", "3")
    await run(agents)
    assert len({prompt for member in agents for prompt in prompts(member)}) == 1


@pytest.mark.parametrize(("otherwise", "answer"), [("last", "3"), ("majority", "1")])
async def test_where_nobody_agrees_the_last_or_the_first_of_equals_stands(otherwise: str, answer: str) -> None:
    outcome = await run(team("1", "2", "3"), otherwise=otherwise)
    assert outcome.answer == answer


async def test_more_may_have_to_agree() -> None:
    agents = team("1", "1", "2", "1")
    outcome = await run(agents, agree=3)
    assert (outcome.answer, asked(agents)) == ("1", [1, 1, 1, 1])


async def test_a_step_that_fails_is_passed_over() -> None:
    agents = [agent("ann", fails), *team("", "391", "391")[1:]]
    outcome = await run(agents)
    assert (outcome.status, outcome.answer) == ("done", "391")
    last = [agent("ann", says("=> 1")), agent("bob", fails)]
    assert (await run(last)).answer == "1"
    nobody = [agent("ann", fails), agent("bob", fails)]
    outcome = await run(nobody)
    assert (outcome.status, outcome.answer) == ("failed", None)
    assert "the server is down" in outcome.detail


class Sure(ScriptedModel):
    """A scripted model whose tokens are all as likely as it says."""

    def __init__(self, reply: str, probability: float) -> None:
        super().__init__([f"=> {reply}"] * 9)
        self._probability = probability

    async def generate(self, request: Request) -> Completion:
        made = await super().generate(request)
        assert request.logprobs
        return Completion(made.text, made.finish, made.usage, (math.log(self._probability),) * 2)


def sure(name: str, reply: str, probability: float) -> ModelAgent:
    made = agent(name, says(""))
    return ModelAgent(name, Sure(reply, probability), made.card, made.pack)


async def test_the_first_that_is_sure_is_enough() -> None:
    agents = [sure("ann", "1", 0.5), sure("bob", "2", 0.9), sure("cal", "3", 0.99)]
    outcome = await run(agents, until="confidence", sure=0.8)
    assert outcome.answer == "2"
    assert asked(agents) == [1, 1, 0]
    assert result(outcome).support == {"bob": pytest.approx(0.9)}
    assert (await run(agents, until="confidence", sure=1.0)).answer == "3"


async def test_confidence_needs_models_that_tell_it() -> None:
    mute = agent("ann", says("=> 1"), capabilities=ModelCapabilities(context=None, schema=True, logprobs=False))
    with pytest.raises(PreflightError, match="ann must give its confidence"):
        await run([mute], until="confidence")


async def test_a_cascade_of_collaborations() -> None:
    agents = team("1", "2", "2", "2")
    vote = {"parallel": {"branches": ["bob", "cal"]}}
    steps = ["ann", vote, {"serial": {"steps": ["dan", "dan"]}}]
    protocol = {"verify": {"proposer": {"cascade": {"steps": steps}}, "verifier": "eve", "retries": 0}}
    eve = agent("eve", says('{"reason": "", "verdict": "approve"}'), roles=["verifier"])
    outcome = await Coordinator(network(*agents, eve)).run(TASK, spec(protocol))
    assert outcome.answer == "2"
    assert asked(agents) == [1, 1, 1, 2]


async def test_a_step_must_give_one_answer() -> None:
    protocol = {"cascade": {"steps": [{"parallel": {"branches": ["ann", "bob"], "decide": "all"}}]}}
    with pytest.raises(ProtocolError, match=r"cascade\.steps\[0\]: must give one answer"):
        await Coordinator(network(*team("1", "2"))).run(TASK, spec(protocol))
