"""From a run to a trial: the answer, its score, what it took, and the answers of members on the way."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from agentnet.agents import Turn, candidate
from agentnet.contracts.bodies import Analysis, Error, Fusion, Refusal, Task, Verdict, answer_of
from agentnet.contracts.evaluations import Item, MemberAnswer, Split, System, Trial, TrialStatus
from agentnet.contracts.messages import COORDINATOR, USER, Message
from agentnet.coordinator import Outcome
from agentnet.errors import AgentNetError
from agentnet.evals.grading import Grading
from agentnet.network import Network
from agentnet.network.measuring import NOT_ITS_FAULT, take_turn


def interrupted(outcome: Outcome) -> str | None:
    """Return the first failure of a run that is not its system's fault; None where there is none."""
    for message in outcome.messages:
        if isinstance(message.body, Error) and message.body.code in NOT_ITS_FAULT:
            return message.body.detail
    return None


def reply_of(outcome: Outcome) -> str | None:
    """Return the whole reply that a run's answer comes from, where one agent gave it."""
    bodies = [message.body for message in outcome.messages if answer_of(message.body) is not None]
    return getattr(bodies[-1], "text", None) if bodies else None


def _missing(turns: Sequence[Message]) -> Iterator[str]:
    for turn in turns:
        if isinstance(turn.body, Error) and turn.body.code in NOT_ITS_FAULT:
            yield turn.sender
        elif isinstance(turn.body, Fusion):
            yield from turn.body.dropped


async def trial_of(
    system: System,
    item: Item,
    epoch: int,
    split: Split,
    outcome: Outcome,
    seconds: float,
    grading: Grading,
    network: Network,
) -> Trial:
    """Return the trial that a run makes. Without an answer it is wrong; where a model could not be asked, it has no
    score."""
    turns = [message for message in outcome.messages if message.sender not in (USER, COORDINATOR)]
    decision = next((message.body for message in outcome.messages if isinstance(message.body, Analysis)), None)
    status: TrialStatus = outcome.status if outcome.status in ("done", "stopped") else "failed"
    detail, score = outcome.detail, 0.0
    if outcome.answer is not None:
        try:
            score = await graded(outcome.answer, item, grading, network)
        except AgentNetError as error:
            status, detail = "error", f"the judge: {error}"
    elif (why := interrupted(outcome)) is not None:
        status, detail = "error", why
    return Trial(
        system=system.name,
        dataset=item.dataset,
        item=item.id,
        epoch=epoch,
        split=split,
        status=status,
        answer=outcome.answer,
        score=None if status == "error" else score,
        detail=detail,
        usage=outcome.usage,
        seconds=seconds,
        messages=len(turns),
        errors=sum(isinstance(message.body, Error) for message in turns),
        missing=tuple(dict.fromkeys(_missing(turns))),
        used=decision.use if decision else None,
        label=decision.label if decision else None,
        respelled=sum(sum(turn.body.respelled.values()) for turn in turns if isinstance(turn.body, Fusion)),
        said=tuple(_member_answer(message, item, grading) for message in turns if _answers_item(outcome, message)),
    )


async def graded(answer: str, item: Item, grading: Grading, network: Network) -> float:
    """Return the score of an answer, from 0 to 1. Raises `AgentNetError` where a judge gives no verdict."""
    score = grading.score(answer, item)
    if score is not None:
        return score
    assert grading.judge is not None
    judge = network[grading.judge]
    task = Task(text=f"{item.text}\n\nReference answer: {item.answers[0]}")
    turn = Turn("verify", task, read=[candidate(answer)])
    verdict = await take_turn(judge, turn)
    return float(isinstance(verdict, Verdict) and verdict.verdict == "approve")


def _answers_item(outcome: Outcome, message: Message) -> bool:
    """Whether a turn was an attempt at the item itself, and not at a step of a plan or at another agent's answer."""
    answers = answer_of(message.body) is not None or isinstance(message.body, Error | Refusal)
    return answers and message.reply_to[:1] == (outcome.messages[0].id,)


def _member_answer(message: Message, item: Item, grading: Grading) -> MemberAnswer:
    answer = answer_of(message.body)
    return MemberAnswer(
        agent=message.sender,
        round=message.round,
        answer=answer,
        score=None if answer is None else grading.score(answer, item),
        usage=message.usage,
    )
