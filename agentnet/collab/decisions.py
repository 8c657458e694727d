"""Decision rules: from several answers to one (or, with `all`, to all of them)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from agentnet.agents.base import Need
from agentnet.answers import normalise, plurality
from agentnet.collab.context import RunContext
from agentnet.collab.state import State
from agentnet.contracts.bodies import Error, Result, Vote, answer_of
from agentnet.contracts.messages import COORDINATOR, Message
from agentnet.contracts.protocols import Decision, Judge, Merge, Synthesize, Weighted


def rule_needs(rule: Decision | Merge) -> Iterator[Need]:
    """Yield what a rule needs of the agent that it asks, if it asks one."""
    if isinstance(rule, Judge):
        yield Need(rule.agent, "choose", scored=rule.by == "score")
    if isinstance(rule, Synthesize):
        yield Need(rule.agent, "synthesize")


def rule_weighs_confidence(rule: Decision) -> bool:
    """Return whether a rule decides by how sure the answers' agents are."""
    return rule == "confidence" or (isinstance(rule, Weighted) and rule.by == "confidence")


async def decide(rule: Decision, ids: Sequence[str], run: RunContext, state: State) -> list[str]:
    """Return the outcome of some candidates, as ids. Without an answer among them the outcome is an `Error` message."""
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
            synthesis = await run.ask(agent, "synthesize", node=node, round=0, task=state["task"], view=view)
            if answer_of(synthesis.body) is not None:
                return [synthesis.id]
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
    """Return the answer with the most weight behind it; of equally weighty ones, the first listed.

    Answers are pooled by `agentnet.answers.normalise`; the result has the words of the pool's first answer.
    """
    equal, support = plurality([_text(message) for message in answers], weights)
    return Result(
        answer=_text(answers[equal[0]]),
        decision=decision,
        sources=tuple(answers[index].id for index in equal),
        support=support,
    )


def agreement(answers: Sequence[Message]) -> float:
    """Return the share of answers that equal the most frequent one; 0 without answers."""
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
    """Return the judge's choice. A vote that is missing or does not parse is not imputed: the majority decides."""
    task = state["task"]
    judge = run.agent(rule.agent, run.task(task).label)
    view = [message.id for message in answers]
    scored = rule.by == "score"
    vote = await run.ask(judge, "choose", node=f"{node}/vote", round=0, task=task, view=view, scored=scored)
    if isinstance(vote.body, Vote):
        chosen = run.messages[vote.body.choice]
        return Result(answer=_text(chosen), decision=f"judged by {judge.name}", sources=(chosen.id, vote.id))
    return majority(answers, [1.0] * len(answers), "majority, since the judge's vote is missing")


def _none_answered(candidates: Sequence[Message]) -> Error:
    details = [message.body.detail for message in candidates if isinstance(message.body, Error)]
    return Error(code="no-answer", detail="no agent answered" + (f": {details[0]}" if details else ""))


def _score(run: RunContext, sender: str, label: str | None) -> float:
    """Return the weight of an answer by its sender's card; what a combinator decided weighs like an unknown agent."""
    agent = run.network.agents.get(sender)
    score = agent.card.score(label) if agent else None
    return 0.5 if score is None else score


def _text(message: Message) -> str:
    return answer_of(message.body) or ""
