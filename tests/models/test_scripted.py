"""The model without weights keeps the promises of the interface."""

from __future__ import annotations

import math

import pytest

from agentnet.errors import ModelError, ModelUnavailable
from agentnet.models.base import Model, Request, Scorer
from agentnet.models.scripted import ScriptedModel, ScriptedScorer

ASK = Request(({"role": "user", "content": "one two"},), logprobs=True)


async def test_replies_come_in_turn_and_then_there_are_none() -> None:
    model = ScriptedModel(["first reply", ModelUnavailable("down"), "third"])
    assert isinstance(model, Model)
    done = await model.generate(ASK)
    assert (done.text, done.usage.prompt_tokens, done.usage.completion_tokens) == ("first reply", 2, 2)
    assert done.logprobs is not None
    assert len(done.logprobs) == 2
    with pytest.raises(ModelUnavailable, match="down"):
        await model.generate(ASK)
    assert (await model.generate(ASK)).text == "third"
    with pytest.raises(ModelError, match="3 replies"):
        await model.generate(ASK)


async def test_a_function_sees_the_request_and_may_wait() -> None:
    async def later(request: Request) -> str:
        return request.messages[0]["content"] + "!"

    model = ScriptedModel(later)
    chunks = [chunk async for chunk in model.stream(ASK)]
    assert "".join(chunk.text for chunk in chunks) == "one two!"
    assert chunks[-1].completion is not None
    assert chunks[-1].completion.text == "one two!"
    assert model.requests == [ASK]


async def test_only_a_model_that_was_given_scores_can_score() -> None:
    assert not isinstance(ScriptedModel(["x"]), Scorer)
    model = ScriptedScorer(["x"], lambda request, reply: -float(len(reply)))
    assert isinstance(model, Scorer)
    assert isinstance(model, Model)
    scores = await model.score(ASK, ["yes", "not at all"])
    assert scores.totals == (-3, -10)
    assert [len(logprobs) for logprobs in scores.logprobs] == [1, 3]
    assert (scores.usage.calls, scores.usage.prompt_tokens, scores.usage.completion_tokens) == (1, 2, 4)
    assert (model.requests, model.scored) == ([], [(ASK, ("yes", "not at all"))])
    weights = await model.score_choices(ASK, ["yes", "not at all"])
    assert sum(map(math.exp, weights.totals)) == pytest.approx(1)
    assert weights.totals[0] - weights.totals[1] == pytest.approx(7)


@pytest.mark.parametrize("continuations", [[], ["yes", ""]])
async def test_there_must_be_something_to_score(continuations: list[str]) -> None:
    with pytest.raises(ValueError, match="nothing to score"):
        await ScriptedScorer(["x"], lambda request, reply: 0.0).score(ASK, continuations)
