"""Scoring given replies: against what the same model says token by token, on files with known logits."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Callable
from pathlib import Path

import pytest

from agentnet.contracts.sampling import Sampling
from agentnet.errors import ContextOverflow
from agentnet.models.base import Request, Scorer
from agentnet.models.llama import LlamaModel
from tests.models.llama.architectures import write_hybrid, write_recurrent, write_windowed
from tests.models.llama.conftest import Open
from tests.models.llama.files import SIZE, letter, write_chain, write_random

ASK = Request(({"role": "user", "content": "?"},), Sampling(max_tokens=40), logprobs=True)

BARE = "{% for message in messages %}{{ message.content }}{% endfor %}"


@pytest.fixture(params=["pool", "rows"])
def layout(request: pytest.FixtureRequest) -> str:
    return str(request.param)


async def one_by_one(model: LlamaModel, continuation: str) -> list[float]:
    """The log-probabilities of a continuation, each token behind a prompt that ends with those before it.

    The model must have the template `BARE`.
    """
    found = []
    for place in range(len(continuation)):
        prompt = Request(({"role": "user", "content": f"?{continuation[:place]}"},))
        scores = await model.score(prompt, [continuation[place]])
        found.append(scores.totals[0])
    return found


@pytest.fixture
def parting(tmp_path: Path) -> Path:
    """Behind ``>`` comes y or n, and behind each of them something that differs in how sure it is."""
    logits = {
        letter(">"): {letter("y"): 3.0, letter("n"): 2.0, letter("z"): 9.0},
        letter("y"): {letter("e"): 1.0},
        letter("n"): {letter("o"): 8.0},
    }
    return write_chain(tmp_path / "parting.gguf", logits)


def log_softmax(logits: dict[int, float], token: int) -> float:
    return logits[token] - math.log(sum(math.exp(value) for value in logits.values()) + SIZE - len(logits))


async def test_scores_are_the_models_own_log_probabilities(opened: Open, parting: Path) -> None:
    model = opened(parting)
    assert isinstance(model, Scorer)
    scores = await model.score(ASK, ["ye", "no", "y"])
    first = {letter("y"): 3.0, letter("n"): 2.0, letter("z"): 9.0}
    yes = log_softmax(first, letter("y"))
    assert scores.logprobs[0] == pytest.approx((yes, log_softmax({letter("e"): 1.0}, letter("e"))), abs=1e-2)
    no = log_softmax(first, letter("n"))
    assert scores.logprobs[1] == pytest.approx((no, log_softmax({letter("o"): 8.0}, letter("o"))), abs=1e-2)
    assert scores.logprobs[2] == pytest.approx((yes,), abs=1e-2)


async def test_replies_are_weighed_by_where_they_part(opened: Open, parting: Path) -> None:
    model = opened(parting)
    weights = await model.score_choices(ASK, ["yes, surely", "no, never"])
    assert [len(logprobs) for logprobs in weights.logprobs] == [1, 1]
    assert weights.shares[0] == pytest.approx(1 / (1 + math.exp(-1)), abs=1e-2)
    assert weights.shares == pytest.approx(tuple(map(math.exp, weights.totals)))
    assert weights.usage.completion_tokens == 0  # the first tokens tell


async def test_one_reply_alone_is_certain(opened: Open, parting: Path) -> None:
    assert (await opened(parting).score_choices(ASK, ["yes"])).shares == (1.0,)


@pytest.mark.parametrize("sequences", [1, 8])
async def test_any_replies_score_as_they_would_token_by_token(opened: Open, tmp_path: Path, sequences: int) -> None:
    model = opened(write_random(tmp_path / "r.gguf"), sequences=sequences, chat_template=BARE)
    replies = [
        "abc",
        "abd",
        "ab",
        "x",
        "abcdefghij" * 4,
        "abc",
        *(f"{first}{first}y" for first in "ABCDEFGHIJKLMNOPQRST"),
    ]
    scores = await model.score(ASK, replies)
    for reply, logprobs in zip(replies, scores.logprobs, strict=True):
        assert len(logprobs) == len(reply)
    for place in (0, 1, 2, 3, 4, 12, 25):
        assert scores.logprobs[place] == pytest.approx(await one_by_one(model, replies[place]), abs=0.02)
    assert scores.logprobs[0] == scores.logprobs[5]


async def test_what_replies_share_is_evaluated_once(opened: Open, tmp_path: Path) -> None:
    model = opened(write_random(tmp_path / "r.gguf"))
    before = model.stats.steps
    scores = await model.score(ASK, ["same beginning a", "same beginning b"])
    assert scores.usage.completion_tokens == len("same beginning ")
    assert model.stats.steps == before + 1
    scores = await model.score(ASK, ["same one", "same two"])
    assert scores.usage.completion_tokens == len("same ") + 2 * len("on")


async def test_scoring_goes_on_beside_writing(opened: Open, tmp_path: Path) -> None:
    model = opened(write_random(tmp_path / "r.gguf"))
    alone_text = (await model.generate(ASK)).text
    alone = await model.score(ASK, ["abc", "abd", "xyz"])
    *texts, beside = await asyncio.gather(
        *(model.generate(ASK) for _ in range(3)), model.score(ASK, ["abc", "abd", "xyz"])
    )
    assert [len(text.text) for text in texts] == [len(alone_text)] * 3
    assert beside.totals == pytest.approx(alone.totals, abs=0.05)


@pytest.mark.parametrize("write", [write_recurrent, write_hybrid, write_windowed])
async def test_models_of_other_architectures_score_too(
    opened: Open, tmp_path: Path, write: Callable[[Path], Path]
) -> None:
    model = opened(write(tmp_path / "m.gguf"), sequences=2, chat_template=BARE)
    replies = ["abc", "abd", "xy", "xz"]
    scores = await model.score(ASK, replies)
    for reply, logprobs in zip(replies, scores.logprobs, strict=True):
        assert logprobs == pytest.approx(await one_by_one(model, reply), abs=0.02)


async def test_what_cannot_be_scored_is_refused(opened: Open, parting: Path) -> None:
    model = opened(parting)
    with pytest.raises(ValueError, match="none may be empty"):
        await model.score(ASK, ["yes", ""])
    with pytest.raises(ValueError, match="at least one"):
        await model.score(ASK, [])
    with pytest.raises(ValueError, match="beginning of another"):
        await model.score_choices(ASK, ["yes", "yes!"])
    with pytest.raises(ContextOverflow):
        await model.score(ASK, ["y" * 600])
