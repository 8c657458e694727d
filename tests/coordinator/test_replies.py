"""What a run's caller asks of its free replies: sampling, a form, tokens, and that words may be no more than words."""

from __future__ import annotations

from dataclasses import replace

import pytest

from agentnet.contracts.bodies import Error, Proposal, answer_of
from agentnet.contracts.events import Event, TokensTold
from agentnet.contracts.formats import Format
from agentnet.contracts.replies import ReplyOptions
from agentnet.contracts.sampling import Sampling
from agentnet.errors import PreflightError
from agentnet.models.base import Completion, ModelCapabilities, Request
from agentnet.models.scripted import ScriptedModel
from agentnet.session import Session, open_session
from tests.scripted import agent, network, plan, requests, says, verdict

NUMBER = Format(regex="[0-9]+")
NO_GRAMMAR = ModelCapabilities(context=None, schema=True, logprobs=False)


async def test_options_hold_for_free_replies_alone() -> None:
    ada, eve = agent("ada", says("12")), agent("eve", says(verdict("approve")), roles=["verifier"])
    replies = ReplyOptions(max_tokens=7, temperature=0.5, stop=("!",), format=NUMBER)
    outcome = await Session(network(ada, eve)).run("6 + 6?", "verification", replies=replies)
    assert outcome.answer == "12"
    (asked,), (judged,) = requests(ada), requests(eve)
    assert (asked.sampling.max_tokens, asked.sampling.temperature, asked.sampling.stop) == (7, 0.5, ("!",))
    assert asked.regex == NUMBER.regex
    assert (judged.sampling.max_tokens, judged.sampling.temperature, judged.regex) == (512, 0.0, None)
    assert judged.schema is not None


async def test_of_the_steps_of_a_plan_only_the_last_has_the_form_of_the_answer() -> None:
    planner = agent("pia", says(plan(("math", "first?"), ("math", "second, after #1?"))), roles=["planner"])
    ada = agent("ada", says("one => 1", "2"), claims={"math": 0.9})
    outcome = await Session(network(planner, ada)).run("?", "delegation", replies=ReplyOptions(format=NUMBER))
    assert outcome.answer == "2"
    assert [request.regex for request in requests(ada)] == [None, NUMBER.regex]


async def test_whoever_cannot_reply_as_asked_is_named_before_anything_runs() -> None:
    ada, bob = agent("ada", says("1")), agent("bob", says("1"), capabilities=NO_GRAMMAR)
    session = Session(network(ada, bob))
    for replies, why in (
        (ReplyOptions(format=NUMBER), "bob must reply in the form of a regex"),
        (ReplyOptions(top_logprobs=0), "bob must give its confidence"),
    ):
        with pytest.raises(PreflightError, match=why) as refused:
            await session.run("?", "vote", replies=replies)
        assert "ada" not in str(refused.value)
    assert requests(ada) == []
    assert (await session.run("?", "ada", replies=ReplyOptions(format=NUMBER))).answer == "1"


async def test_a_text_of_several_members_cannot_be_held_to_a_form() -> None:
    async with open_session("zoo", remember=False) as session:
        with pytest.raises(PreflightError, match="decodes together with others"):
            await session.run("?", "byte-fusion", replies=ReplyOptions(format=NUMBER))


async def test_tokens_are_told_where_they_are_asked_for_and_why_a_reply_ended_is_recorded() -> None:
    told: list[Event] = []
    async with open_session("zoo", remember=False) as session:
        replies = ReplyOptions(top_logprobs=1, max_tokens=4)
        outcome = await session.run("What is 12 + 7?", "math", replies=replies, on_event=told.append)
        message = outcome.messages[-1]
        (tokens,) = [event for event in told if isinstance(event, TokensTold)]
        assert tokens.message == message.id
        assert len(tokens.tokens) == message.usage.completion_tokens == 4
        assert all(token.logprob <= 0 and len(token.likeliest) == 1 for token in tokens.tokens)
        assert message.finish == "length"
        told.clear()
        whole = await session.run("What is 12 + 7?", "parallel-inference", on_event=told.append)
        assert whole.messages[-1].finish == "stop"
        assert not any(isinstance(event, TokensTold) for event in told)


@pytest.mark.parametrize("text", ["two\nlines", "", "<think>cut off", "again and again and again and again and again"])
async def test_words_without_an_answer_are_the_answer_where_that_is_asked(text: str) -> None:
    def cut(_: Request) -> str:
        return text

    ada = agent("ada", cut)
    session = Session(network(ada))
    before = await session.run("?", "ada")
    if "\n" in text or not text or text.startswith("<think>"):
        assert isinstance(before.messages[-1].body, Error)
    outcome = await session.run("?", "ada", replies=ReplyOptions(whole=True))
    body = outcome.messages[-1].body
    assert isinstance(body, Proposal)
    assert outcome.answer == answer_of(body) == ("" if text.startswith("<think>") else text)


class Cut(ScriptedModel):
    """A model whose replies end at their limit of tokens."""

    async def generate(self, request: Request) -> Completion:
        return replace(await super().generate(request), finish="length")


async def test_a_repetition_that_was_cut_off_counts_where_words_are_all_that_is_asked() -> None:
    text = "5 " * 200
    session = Session(network(replace(agent("ada", says("")), model=Cut(says(text)))))
    assert (await session.run("?", "ada")).answer is None
    outcome = await session.run("?", "ada", replies=ReplyOptions(whole=True))
    assert outcome.answer == text.strip()
    assert outcome.messages[-1].finish == "length"


def test_a_given_temperature_stands_for_itself_alone() -> None:
    own = Sampling(max_tokens=9, temperature=1.0, top_k=5, top_p=0.5, stop=("x",))
    assert ReplyOptions(max_tokens=3).sampling(own) == own.model_copy(update={"max_tokens": 3})
    assert ReplyOptions(temperature=0).sampling(own) == Sampling(max_tokens=9, stop=("x",))
