"""An agent: the request that a turn becomes, and what its reply is read as."""

from __future__ import annotations

import math
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from agentnet.agents import Turn, confidence_of
from agentnet.agents.base import Need
from agentnet.contracts.bodies import Body, Critique, Error, Proposal, Refusal, Result, Task, Verdict, Vote
from agentnet.contracts.cards import Price
from agentnet.contracts.formats import Format
from agentnet.contracts.messages import Message
from agentnet.contracts.sampling import Sampling
from agentnet.contracts.usage import Usage
from agentnet.errors import ModelError, ReplyError
from agentnet.models.base import Completion, ModelCapabilities, Scores
from tests.scripted import agent, says, weighs

TASK = Task(text="What is 17 × 23?")


def message(id: str, body: Body) -> Message:
    return Message(id=id, run="r", sequence=0, sender=id, node="n", time=datetime.now(UTC), body=body)


READ = [
    message("m1", Proposal(answer="391", text="working => 391")),
    message("m2", Error(code="model", detail="gone")),
    message("m3", Proposal(answer="390", text="working => 390")),
    message("m4", Refusal(reason="no")),
]


def completion(text: str, finish: str = "stop") -> Completion:
    return Completion(text, finish, Usage(calls=1))  # type: ignore[arg-type]


def test_a_vote_counts_only_what_the_prompt_showed() -> None:
    """Failures have no letter: B is the second answer, not the second message."""
    ada = agent("ada", says("-"))
    turn = Turn(role="choose", task=TASK, read=READ)
    request = ada.request(turn)
    assert request.messages[0]["content"].splitlines() == [TASK.text, "A: 391", "B: 390", "choose"]
    assert request.schema is not None
    assert request.schema["properties"]["choice"]["enum"] == ["A", "B"]
    assert ada.read(turn, completion('{"choice": "B"}')) == Vote(choice="m3")


def test_a_verdict_is_about_the_last_message_that_was_shown() -> None:
    found = agent("ada", says("-")).read(
        Turn(role="verify", task=TASK, read=READ), completion('{"verdict": "approve"}')
    )
    assert isinstance(found, Verdict)
    assert found.target == "m3"


def test_the_transcript_shows_answers_critiques_and_verdicts() -> None:
    read = [
        message("a", Proposal(answer="1", text="because\n=> 1")),
        message("b", Critique(text="not so")),
        message("c", Verdict(verdict="disapprove", answer="2", target="a")),
        message("d", Result(answer="3", decision="majority")),
    ]
    prompt = agent("ada", says("-")).prompt(Turn(role="revise", task=TASK, read=read))[0]["content"]
    assert prompt.splitlines()[1:-1] == ["A: 1", "B: not so", "C: disapprove 2", "D: 3"]


def test_a_seed_of_the_agent_wins_over_the_turns() -> None:
    ada = agent("ada", says("-"))
    assert ada.request(Turn(role="solve", task=TASK, seed=7)).sampling.seed == 7
    fixed = replace(ada, sampling=Sampling(seed=3))
    assert fixed.request(Turn(role="solve", task=TASK, seed=7)).sampling.seed == 3
    turn = Turn(role="solve", task=TASK, seed=7, sampling=Sampling(temperature=0.5))
    assert fixed.request(turn).sampling == Sampling(temperature=0.5, seed=7)


def test_a_model_that_cannot_be_held_to_a_schema_is_not_asked_to() -> None:
    turn = Turn(role="verify", task=TASK)
    assert agent("ada", says("-")).request(turn).schema is not None
    unable = agent("ada", says("-"), capabilities=ModelCapabilities(context=None, schema=False, logprobs=None))
    assert unable.request(turn).schema is None


@pytest.mark.parametrize("form", [{"regex": "[0-9]+"}, {"lark": 'start: "a"'}, {"json_schema": {"type": "integer"}}])
def test_a_free_reply_is_held_to_the_form_of_its_turn(form: dict[str, Any]) -> None:
    request = agent("ada", says("-")).request(Turn(role="solve", task=TASK, format=Format(**form)))
    held = {"regex": request.regex, "lark": request.lark, "json_schema": request.schema}
    assert {kind: value for kind, value in held.items() if value is not None} == form


@pytest.mark.parametrize(
    ("form", "text", "answer"),
    [
        ({"regex": "(a|\\n)+"}, "a\na", "a\na"),
        ({"regex": "[a-z]+ => [0-9]+"}, "so => 12", "12"),
        ({"json_schema": {"type": "object"}}, '{"a":"x => 1"}', '{"a":"x => 1"}'),
    ],
)
def test_a_reply_in_a_form_is_its_answer(form: dict[str, Any], text: str, answer: str) -> None:
    turn = Turn(role="solve", task=TASK, format=Format(**form))
    assert agent("ada", says("-")).read(turn, completion(text)) == Proposal(answer=answer, text=text)


def test_a_model_that_cannot_keep_to_a_form_is_refused_before_the_run() -> None:
    server = agent("ada", says("-"), capabilities=ModelCapabilities(context=None, schema=None, logprobs=None))
    assert server.can(Need("ada", "solve", format="json_schema")) is None
    assert "model that runs in process" in str(server.can(Need("ada", "solve", format="regex")))
    replay = agent("ada", says("-"), capabilities=ModelCapabilities(context=None, schema=False, logprobs=None))
    assert "leave `format` out" in str(replay.can(Need("ada", "solve", format="json_schema")))
    able = agent("ada", says("-"))
    assert able.can(Need("ada", "solve", format="lark")) is None


def test_a_reply_that_was_cut_off_says_so() -> None:
    with pytest.raises(ReplyError, match=r"not JSON.*cut off at the token limit, raise sampling.max_tokens"):
        agent("ada", says("-")).read(Turn(role="plan", task=TASK), completion('{"steps": [', finish="length"))


@pytest.mark.parametrize("text", ["1" * 320, "118*12: 8*2=16" + ",1*2=2" * 60, "=> 7" + " => 7" * 60])
@pytest.mark.parametrize("role", ["solve", "critique", "verify"])
def test_a_reply_that_was_cut_off_while_it_repeats_itself_is_no_answer(text: str, role: str) -> None:
    ada = agent("ada", says("-"), max_tokens=320)
    with pytest.raises(ReplyError, match=r"^the reply repeats '.+' and was cut off at 320 tokens; .*let ada"):
        ada.read(Turn(role=role, task=TASK), completion(text, finish="length"))


def test_a_reply_that_ends_by_itself_may_repeat_what_it_likes() -> None:
    ada, turn = agent("ada", says("-")), Turn(role="solve", task=Task(text="Write a hundred ones."))
    text = "=> " + "1" * 100
    assert ada.read(turn, completion(text)) == Proposal(answer="1" * 100, text=text)
    assert ada.read(turn, completion("=> 1111", finish="length")) == Proposal(answer="1111", text="=> 1111")


def test_streaming_gives_the_same_completion_and_all_of_the_text() -> None:
    import asyncio

    ada = agent("ada", says("one\ntwo\n=> 3"))
    request = ada.request(Turn(role="solve", task=TASK))
    pieces: list[str] = []
    streamed = asyncio.run(ada.answer(request, pieces.append))
    assert streamed == asyncio.run(ada.answer(request))
    assert "".join(pieces) == streamed.text


def test_confidence_is_the_geometric_mean_of_the_token_probabilities() -> None:
    probabilities = (0.5, 0.25, 1.0)
    found = confidence_of(replace(completion("x"), logprobs=tuple(map(math.log, probabilities))))
    assert found == pytest.approx(0.125 ** (1 / 3))
    assert confidence_of(completion("x")) is None
    assert confidence_of(replace(completion("x"), logprobs=())) is None
    assert confidence_of(replace(completion("x"), logprobs=(1e-9,))) == 1.0


def test_the_bill_is_at_the_cards_prices() -> None:
    ada = agent("ada", says("-"), price=Price(prompt=2, completion=10))
    assert ada.bill(Usage(prompt_tokens=1_000_000, completion_tokens=500_000)).cost == pytest.approx(7)
    free = Usage(prompt_tokens=5)
    assert agent("ada", says("-")).bill(free) is free


def scores(*totals: float) -> Scores:
    return Scores(tuple((total,) for total in totals), Usage(calls=1))


JUDGE = Turn(role="choose", task=TASK, read=READ, scored=True)
VERIFY = Turn(role="verify", task=TASK, read=READ, scored=True)


async def test_a_scored_turn_asks_how_likely_each_reply_is() -> None:
    ada = agent("ada", says("-"), scores=weighs(A=0.1, B=0.3))
    request = ada.request(JUDGE)
    assert request.schema is None
    found = await ada.score(JUDGE, request)
    assert found.shares == pytest.approx((0.25, 0.75))
    assert ada.read(JUDGE, found) == Vote(choice="m3")
    assert confidence_of(found) == pytest.approx(0.75)


@pytest.mark.parametrize(
    ("totals", "verdict"), [((-2, -1), "approve"), ((-1, -2), "disapprove"), ((-1, -1), "disapprove")]
)
def test_the_likelier_verdict_counts_and_a_tie_is_no_approval(totals: tuple[float, float], verdict: str) -> None:
    ada = agent("ada", says("-"))
    assert ada.replies(VERIFY) == ('{"verdict":"disapprove"}', '{"verdict":"approve"}')
    assert ada.read(VERIFY, scores(*totals)) == Verdict(verdict=verdict, target="m3")  # type: ignore[arg-type]


def test_of_equally_likely_letters_the_first_is_chosen() -> None:
    assert agent("ada", says("-")).read(JUDGE, scores(-1, -1)) == Vote(choice="m1")


def test_a_reply_that_cannot_be_counts_for_nothing() -> None:
    assert confidence_of(scores(-math.inf, -700)) == 1.0
    assert agent("ada", says("-")).read(JUDGE, scores(-math.inf, -700)) == Vote(choice="m3")


@pytest.mark.parametrize("totals", [(-math.inf, -math.inf), (math.nan, -1), (-1, math.nan)])
def test_scores_that_are_no_probabilities_choose_nothing(totals: tuple[float, float]) -> None:
    assert confidence_of(scores(*totals)) is None
    with pytest.raises(ReplyError, match=r"ada's model scored the replies with .*, which ranks none of them"):
        agent("ada", says("-")).read(VERIFY, scores(*totals))


async def test_a_model_that_cannot_score_says_so() -> None:
    ada = agent("ada", says("-"))
    with pytest.raises(ModelError, match="ada's model cannot score replies; let ada choose by reason"):
        await ada.score(VERIFY, ada.request(VERIFY))
