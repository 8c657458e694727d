"""A protocol on a network that an evaluation asks, from one event loop or several."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from agentnet.bridges.respondent import Respondent
from agentnet.contracts.speakers import speakers
from agentnet.coordinator import Outcome
from agentnet.errors import AgentNetError, BadInput, ModelError
from tests.bridges.conftest import engines

QUESTION = "What is 2 * 12?"


async def test_models_are_opened_by_the_first_question_and_released_by_closing() -> None:
    respondent = Respondent("best", "zoo", label="math")
    assert engines() == []
    outcomes = await asyncio.gather(*(respondent.ask(QUESTION) for _ in range(4)))
    assert [outcome.answer for outcome in outcomes] == ["24"] * 4
    assert speakers(outcomes[0].messages, failed=True) == ["math"]
    assert len(engines()) == len(respondent.network.agents)
    await respondent.close()
    assert engines() == []
    assert (await respondent.ask(QUESTION)).answer == "24"
    await respondent.close()
    await respondent.close()


def test_every_event_loop_has_its_own_models_and_closes_them() -> None:
    respondent = Respondent("best", "zoo", label="math")
    for _ in range(2):
        assert asyncio.run(respondent.ask(QUESTION)).answer == "24"
        assert engines() == []


async def test_who_asks_first_may_give_up_without_taking_the_models_from_the_others() -> None:
    respondent = Respondent("best", "zoo", label="math")
    first = asyncio.create_task(respondent.ask(QUESTION))
    second = asyncio.create_task(respondent.ask(QUESTION))
    await asyncio.sleep(0)
    first.cancel()
    assert (await second).answer == "24"
    assert first.cancelled()
    await respondent.close()


async def test_a_repeated_question_is_another_draw_unless_a_seed_is_given(draws: Path) -> None:
    async def asked(*seeds: int | None) -> list[str]:
        respondent = Respondent("single", str(draws), unanswered="empty")
        try:
            return [said(await respondent.ask(QUESTION, seed)) for seed in seeds]
        finally:
            await respondent.close()

    one, two, three = await asked(None, None, 0)
    assert one == three != two
    assert await asked(None, None) == [one, two]


def said(outcome: Outcome) -> str:
    body = outcome.messages[1].body
    return str(getattr(body, "text", body))


async def test_a_run_without_an_answer_is_an_error_unless_an_empty_reply_is_wanted(mute: Path) -> None:
    respondent = Respondent("single", str(mute))
    with pytest.raises(ModelError, match=r"'single' ended without an answer \(failed\): .*the reply is empty"):
        await respondent.ask(QUESTION)
    await respondent.close()
    lenient = Respondent("single", str(mute), unanswered="empty")
    assert (await lenient.ask(QUESTION)).answer is None
    await lenient.close()


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        ({"protocol": "bset"}, "did you mean 'best'"),
        ({"protocol": "best", "network": "none.yaml"}, "no network 'none.yaml'"),
        ({"protocol": "{ask: nobody}", "network": "zoo"}, "nobody"),
        ({"protocol": "best", "unanswered": "wrong"}, "expected error or empty"),
    ],
)
def test_what_cannot_work_is_said_before_anything_is_opened(arguments: dict[str, str], complaint: str) -> None:
    with pytest.raises(BadInput, match=complaint):
        Respondent(**arguments)  # type: ignore[arg-type]


async def test_a_model_that_cannot_be_opened_fails_every_question(tmp_path: Path) -> None:
    (tmp_path / "gone.yaml").write_text("{name: gone, agents: [{name: gone, model: {path: gone.gguf}}]}")
    respondent = Respondent("single", "gone.yaml")
    for _ in range(2):
        with pytest.raises(AgentNetError, match=r"gone\.gguf"):
            await respondent.ask(QUESTION)
    await respondent.close()
