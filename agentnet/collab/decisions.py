"""Decision rules: from several answers to one (or, with `all`, to all of them)."""

from __future__ import annotations

from collections.abc import Sequence

from agentnet.answers import normalise, plurality
from agentnet.collab.context import COORDINATOR, RunContext
from agentnet.collab.state import State
from agentnet.contracts.bodies import Error, Result, Vote, answer_of
from agentnet.contracts.messages import Message
from agentnet.contracts.protocols import Decision, Judge, Synthesize, Weighted


async def decide(rule: Decision, ids: Sequence[str], run: RunContext, state: State) -> list[str]:
    """The outcome of some candidates, as ids. Without any answer among them the outcome is an `Error` message."""
    node = f"{state['scope']}/decide"
    answers = run.answered(ids)
    if not answers:
        return [(await run.record(_none_answered(run.get(ids)), sender=COORDINATOR, node=node, reply_to=ids)).id]
    match rule:
        case "all":
            return [message.id for message in answers]
        case Synthesize():
            label = run.task(state["task"]).label
            view = [message.id for message in answers]
            agent = run.agent(rule.agent, label)
            said = await run.ask(agent, "synthesize", node=node, round=0, task=state["task"], view=view)
            if answer_of(said.body) is not None:
                return [said.id]
            result = majority(answers, [1.0] * len(answers), "majority, since the synthesis is missing")
        case Judge():
            result = await _judged(rule, answers, run, state, node)
        case "first":
            result = Result(answer=_text(answers[0]), decision="first", sources=(answers[0].id,))
        case "confidence":
            result = _most_confident(answers)
        case Weighted(by="confidence"):
            result = majority(answers, [message.confidence or 0.0 for message in answers], "weighted by confidence")
        case Weighted():
            label = run.task(state["task"]).label
            weights = [_score(run, message.sender, label) for message in answers]
            result = majority(answers, weights, "weighted by card")
        case _:
            result = majority(answers, [1.0] * len(answers), "majority")
    recorded = await run.record(result, sender=COORDINATOR, node=node, reply_to=result.sources)
    return [recorded.id]


def majority(answers: Sequence[Message], weights: Sequence[float], decision: str) -> Result:
    """The answer with the most weight behind it; of equals, the one that was listed first.

    Answers are pooled by `agentnet.answers.normalise`; the pool speaks in the words of its first member.
    """
    places, support = plurality([_text(message) for message in answers], weights)
    return Result(
        answer=_text(answers[places[0]]),
        decision=decision,
        sources=tuple(answers[place].id for place in places),
        support=support,
    )


def agreement(answers: Sequence[Message]) -> float:
    """The share of answers that equal the most frequent one; 0 without answers."""
    if not answers:
        return 0.0
    forms = [normalise(_text(message)) for message in answers]
    return max(forms.count(form) for form in forms) / len(forms)


def _most_confident(answers: Sequence[Message]) -> Result:
    sure = [message for message in answers if message.confidence is not None]
    if not sure:
        return majority(answers, [1.0] * len(answers), "majority, since no answer came with a confidence")
    chosen = max(sure, key=lambda message: message.confidence or 0.0)
    return Result(
        answer=_text(chosen),
        decision="confidence",
        sources=(chosen.id,),
        support={message.sender: message.confidence or 0.0 for message in sure},
    )


async def _judged(rule: Judge, answers: Sequence[Message], run: RunContext, state: State, node: str) -> Result:
    """The judge's choice. A vote that is missing or does not parse is not replaced by another: the majority decides."""
    task = state["task"]
    judge = run.agent(rule.agent, run.task(task).label)
    view = [message.id for message in answers]
    scored = rule.by == "score"
    said = await run.ask(judge, "choose", node=f"{node}/vote", round=0, task=task, view=view, scored=scored)
    if isinstance(said.body, Vote):
        chosen = run.messages[said.body.choice]
        return Result(answer=_text(chosen), decision=f"judged by {judge.name}", sources=(chosen.id, said.id))
    return majority(answers, [1.0] * len(answers), "majority, since the judge's vote is missing")


def _none_answered(candidates: Sequence[Message]) -> Error:
    details = [message.body.detail for message in candidates if isinstance(message.body, Error)]
    return Error(code="no-answer", detail="no agent answered" + (f": {details[0]}" if details else ""))


def _score(run: RunContext, sender: str, label: str | None) -> float:
    """The weight of an answer by its sender's card; what a combinator decided weighs as much as an unknown agent."""
    agent = run.network.agents.get(sender)
    score = agent.card.score(label) if agent else None
    return 0.5 if score is None else score


def _text(message: Message) -> str:
    return answer_of(message.body) or ""
