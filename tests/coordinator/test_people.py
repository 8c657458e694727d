"""A person as a member: the run waits for their words, and can be left and resumed meanwhile."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from agentnet.agents import HumanAgent, ModelAgent
from agentnet.contracts.bodies import Error, Proposal, Revision, Task, Verdict, Vote
from agentnet.contracts.cards import Card
from agentnet.contracts.events import Event, InputRequested, RunEnded, TurnStarted
from agentnet.contracts.limits import Limits
from agentnet.contracts.network import AgentSpec, NetworkSpec
from agentnet.contracts.questions import Question
from agentnet.coordinator import Coordinator
from agentnet.errors import PreflightError
from agentnet.network import Network
from agentnet.prompts import find_pack
from agentnet.store import Database, Runs, open_checkpointer
from tests.scripted import agent, network, prompts, says, spec

TASK = Task(text="What is 17 × 23?", label="math")


def maria(name: str = "maria", *roles: str) -> HumanAgent:
    return HumanAgent(name, Card(roles=roles or ("solver",)), find_pack("person"))


def team(*people: HumanAgent, others: tuple[ModelAgent, ...] = ()) -> Network:
    """A network of people and scripted agents."""
    scripted = network(*others).spec.agents if others else ()
    members = [
        AgentSpec.model_validate({"name": person.name, "human": "terminal", "card": person.card.model_dump()})
        for person in people
    ]
    return Network(NetworkSpec(name="team", agents=(*members, *scripted)), [*people, *others])


class Typing:
    """Gives one answer after the other, and keeps the questions."""

    def __init__(self, *words: str | None) -> None:
        self.words = list(words)
        self.questions: list[Question] = []

    async def __call__(self, question: Question) -> str | None:
        self.questions.append(question)
        return self.words.pop(0)


@pytest.fixture
async def storage(tmp_path: Path) -> AsyncIterator[dict[str, Any]]:
    async with (
        await Database.open(tmp_path / "store.db") as database,
        open_checkpointer(tmp_path / "checkpoints.db") as checkpointer,
    ):
        yield {"store": Runs(database), "checkpointer": checkpointer}


async def test_a_persons_words_are_their_proposal() -> None:
    typing = Typing("it is 17 times 23\n391")
    events: list[Event] = []
    outcome = await Coordinator(team(maria())).run(TASK, spec("maria"), answering=typing, on_event=events.append)
    assert outcome.answer == "391"
    body = outcome.messages[-1].body
    assert isinstance(body, Proposal)
    assert body.text.startswith("it is 17 times 23\n391")
    (question,) = typing.questions
    assert TASK.text in question.text
    assert [event.question for event in events if isinstance(event, InputRequested)] == [question]
    assert question.message == outcome.messages[-1].id


async def test_a_person_debates_with_models_and_reads_them() -> None:
    ben = agent("ben", says("=> 390", "=> 391"))
    typing = Typing("391", "still 391")
    debate = spec({"debate": {"members": ["maria", "ben"], "rounds": 2, "stop": "never", "decide": "first"}})
    outcome = await Coordinator(team(maria(), others=(ben,))).run(TASK, debate, answering=typing)
    assert outcome.answer == "still 391"
    assert "B| => 390" in typing.questions[1].text
    assert "A: 391" in prompts(ben)[1]
    assert isinstance(next(m.body for m in outcome.messages if m.sender == "maria" and m.round == 1), Revision)


async def test_a_person_verifies_and_judges_by_choosing() -> None:
    ada, ben = agent("ada", says("=> 390")), agent("ben", says("=> 391"))
    web = team(maria("maria", "verifier"), others=(ada, ben))
    typing = Typing("d 7 * 3 ends in 1", "Approve.")
    outcome = await Coordinator(web).run(TASK, spec({"verify": {"proposer": "ada", "retries": 1}}), answering=typing)
    verdicts = [message.body for message in outcome.messages if isinstance(message.body, Verdict)]
    assert [verdict.verdict for verdict in verdicts] == ["disapprove", "approve"]
    assert verdicts[0].reason == "7 * 3 ends in 1"
    judged = spec({"parallel": {"branches": ["ada", "ben"], "decide": {"judge": "maria"}}})
    typing = Typing("b")
    outcome = await Coordinator(web).run(TASK, judged, answering=typing)
    assert outcome.answer == "391"
    assert typing.questions[0].choices == ("A", "B")
    assert any(isinstance(message.body, Vote) for message in outcome.messages)


async def test_words_that_are_no_choice_are_an_error_and_decide_nothing() -> None:
    ada, ben = agent("ada", says("=> 390")), agent("ben", says("=> 391"))
    judged = spec({"parallel": {"branches": ["ada", "ben"], "decide": {"judge": "maria"}}})
    outcome = await Coordinator(team(maria(), others=(ada, ben))).run(TASK, judged, answering=Typing("the second"))
    errors = [message.body.detail for message in outcome.messages if isinstance(message.body, Error)]
    assert errors == ["maria said 'the second', which is none of A, B"]
    assert outcome.answer == "390"


@pytest.mark.parametrize(
    "protocol",
    [
        {"serial": ["ada", "maria"]},
        {"verify": {"proposer": {"serial": ["ada", "maria"]}, "verifier": "ver"}},
        {"serial": ["ada", {"parallel": {"branches": ["maria", {"serial": ["otto", "ben"]}], "decide": "first"}}]},
    ],
    ids=["flat", "nested", "two people in parallel"],
)
async def test_a_run_is_left_and_resumed(protocol: Any, storage: dict[str, Any]) -> None:
    """By another coordinator, as another process would: no model is asked a second time."""
    ada, ben = agent("ada", says("=> 390")), agent("ben", says("=> 392"))
    ver = agent("ver", says('{"reason": "", "verdict": "approve"}'), roles=["verifier"])
    web = team(maria(), maria("otto"), others=(ada, ben, ver))
    events: list[Event] = []
    left = await Coordinator(web, **storage).run(TASK, spec(protocol), run="r", on_event=events.append)
    assert (left.status, left.answer) == ("interrupted", None)
    assert left.detail.startswith("waits for maria")
    assert isinstance(events[-1], RunEnded)
    record = await storage["store"].record("r")
    assert record.status == "interrupted"
    for _ in range(2 if "otto" in str(protocol) else 1):
        await Coordinator(web, **storage).resume(record, spec(protocol), answering=Typing("391", None))
        record = await storage["store"].record("r")
    assert (record.status, record.answer) == ("done", "391")
    assert len(prompts(ada)) == 1
    said = [message.sender for message in await storage["store"].messages("r")]
    assert said.count("maria") == said.count("ada") == 1


async def test_what_one_person_said_is_kept_when_the_run_is_cancelled_before_the_next(storage: dict[str, Any]) -> None:
    async def answer(question: Question) -> str:
        if question.agent == "otto":
            raise asyncio.CancelledError  # Ctrl-C while otto thinks
        return "391"

    web = team(maria(), maria("otto"))
    both = spec({"parallel": {"branches": ["maria", "otto"], "decide": "first"}})
    with pytest.raises(asyncio.CancelledError):
        await Coordinator(web, **storage).run(TASK, both, run="r", answering=answer)
    typing = Typing("392")
    outcome = await Coordinator(web, **storage).resume(await storage["store"].record("r"), both, answering=typing)
    assert outcome.answer == "391"
    assert [question.agent for question in typing.questions] == ["otto"]


@pytest.mark.parametrize("best_so_far", [False, True])
async def test_limits_are_for_models_and_no_words_of_a_person_are_lost(best_so_far: bool) -> None:
    async def think(question: Question) -> str:
        await asyncio.sleep(0.3)
        return "391"

    limits = Limits(seconds=0.25, calls=2, when_exhausted="best_so_far" if best_so_far else "stop")
    ben = agent("ben", says("=> 390", "=> 392"))
    events: list[Event] = []
    outcome = await Coordinator(team(maria(), others=(ben,))).run(
        TASK, spec({"serial": ["ben", "maria", "ben", "maria"]}), limits=limits, answering=think, on_event=events.append
    )
    assert [message.sender for message in outcome.messages][1:] == ["ben", "maria", "ben", "maria"]
    assert (outcome.status, outcome.answer, outcome.usage.calls) == ("done", "391", 2)
    started = [event.message for event in events if isinstance(event, TurnStarted)]
    assert len(started) == len(set(started)) == 4


async def test_without_a_way_to_ask_the_run_waits(storage: dict[str, Any]) -> None:
    outcome = await Coordinator(team(maria()), **storage).run(TASK, spec("maria"))
    assert outcome.status == "interrupted"
    assert outcome.detail == "waits for maria; resume the run to answer"


@pytest.mark.parametrize(
    ("protocol", "words"),
    [
        ({"delegate": {"planner": "maria", "workers": ["ada"]}}, "maria is a person and cannot plan"),
        ({"parallel": {"branches": ["maria", "ada"], "decide": "confidence"}}, "gives no confidence"),
        ({"fuse": {"members": ["maria", "ada"]}}, "cannot decode with others"),
        ({"verify": {"proposer": "ada", "verifier": "maria", "by": "score"}}, "cannot score replies"),
    ],
)
def test_what_a_person_cannot_do_is_refused_before_anything_runs(protocol: Any, words: str) -> None:
    with pytest.raises(PreflightError, match=words):
        Coordinator(team(maria(), others=(agent("ada", says("-")),))).prepare(spec(protocol))


@pytest.mark.parametrize(
    ("words", "choice"), [("A", "A"), ("a because", "A"), ("B2", "B2"), ("b", "B"), ("C", None), ("", None)]
)
def test_a_choice_is_found_in_words(words: str, choice: str | None) -> None:
    question = Question(agent="m", role="choose", message="", text="", choices=("A", "B", "B2"))
    assert question.choice_of(words) == choice
