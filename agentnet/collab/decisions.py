"""Decision rules: from several answers to one (or, with `all`, to all of them)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from agentnet.agents.base import Need
from agentnet.answers import normalise, plurality
from agentnet.collab.context import RunContext
from agentnet.collab.state import State
from agentnet.collab.weights import weights
from agentnet.contracts.bodies import Error, Result, Vote, answer_of
from agentnet.contracts.cards import Card
from agentnet.contracts.messages import COORDINATOR, Message
from agentnet.contracts.protocols import Decision, Judge, Merge, Quorum, Synthesize, Weighted
from agentnet.errors import LimitReached


def rule_needs(rule: Decision | Merge) -> Iterator[Need]:
    """Yield what a rule needs of the agent that it asks, if it asks one."""
    if isinstance(rule, Judge):
        yield Need(rule.agent, "choose", scored=rule.by == "score")
    if isinstance(rule, Synthesize):
        yield Need(rule.agent, "synthesize")


def rule_weighs_confidence(rule: Decision) -> bool:
    """Return whether a rule decides by how sure the answers' agents are."""
    return rule == "confidence" or (isinstance(rule, Weighted) and rule.by == "confidence")


async def decide(
    rule: Decision,
    ids: Sequence[str],
    run: RunContext,
    state: State,
    *,
    quorum_of: Quorum = "members",
    unasked: Sequence[Card | None] = (),
) -> list[str]:
    """Return the outcome of some candidates, as ids.

    It is an `Error` message without an answer among them, and where a rule that compares answers has fewer than half of
    them: a few members that are left must not speak for all. With `quorum_of` ``answered``, any number is enough.
    Members on probation do not count (`RunContext.counted`). `unasked` are the cards of members that count and were not
    asked, because no answer of theirs could change the decision.
    """
    node = f"{state['scope']}/decide"
    ids = ids if rule == "all" else run.counted(ids)
    answers = run.answered(ids)
    asked = [message for message in run.get(ids) if not _was_not_asked(message)]
    few = 2 * len(answers) < len(asked) and quorum_of == "members" and rule not in ("first", "all")
    if not answers or few:
        error = _none_answered(run.get(ids)) if not answers else _too_few(asked, len(answers))
        return [(await run.record(error, sender=COORDINATOR, node=node, reply_to=ids)).id]
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
            result = Result(
                answer=_text(answers[0]), decision="first", sources=(answers[0].id,), approved=approval(answers[:1])
            )
        case "confidence":
            result = _most_confident(answers, run)
        case _:
            label = run.task(state["task"]).label
            weighed = dict(zip(ids, vote_weights(rule, run.get(ids), run, label, unasked), strict=False))
            counted = [weighed[message.id] for message in answers]
            result = majority(answers, counted, f"weighted by {rule.by}" if isinstance(rule, Weighted) else "majority")
    if unasked:
        decision = f"{result.decision}, decided by {len(ids)} of {len(ids) + len(unasked)}"
        result = result.model_copy(update={"decision": decision})
    recorded = await run.record(result, sender=COORDINATOR, node=node, reply_to=result.sources)
    return [recorded.id]


def vote_weights(
    rule: Decision, said: Sequence[Message], run: RunContext, label: str | None, unasked: Sequence[Card | None] = ()
) -> list[float]:
    """Return the weight of each message's answer, then the most that each member which was not asked can weigh.

    `unasked` are the cards of the latter. The cards of all members count, also of those that failed, so that the weight
    of one does not depend on whether another one answers. Shape: [messages + unasked].
    """
    match rule:
        case Weighted(by="confidence"):
            return [*(run.confidence(message) or 0.0 for message in said), *(1.0 for _ in unasked)]
        case Weighted():
            agents = [run.network.agents.get(message.sender) for message in said]
            return weights([*(agent.card if agent else None for agent in agents), *unasked], label)
        case _:
            return [1.0] * (len(said) + len(unasked))


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
        approved=approval([answers[index] for index in equal]),
    )


def approval(sources: Sequence[Message]) -> bool | None:
    """Return whether an answer that rests on some messages is approved: False if none of those that say is approved."""
    said = [message.body.approved for message in sources if isinstance(message.body, Result)]
    known = [approved for approved in said if approved is not None]
    return any(known) if known and len(known) == len(sources) else None


def agreement(answers: Sequence[Message], members: int) -> float:
    """Return the share of `members` whose answers equal the most frequent one; 0 without answers."""
    forms = [normalise(_text(message)) for message in answers]
    return max((forms.count(form) for form in forms), default=0) / members


def _most_confident(answers: Sequence[Message], run: RunContext) -> Result:
    sure = {message.id: confidence for message in answers if (confidence := run.confidence(message)) is not None}
    if not sure:
        return majority(answers, [1.0] * len(answers), "majority, since no answer came with a confidence to rely on")
    chosen = run.messages[max(sure, key=lambda id: sure[id])]
    return Result(
        answer=_text(chosen),
        decision="confidence",
        sources=(chosen.id,),
        support={run.messages[id].sender: confidence for id, confidence in sure.items()},
        approved=approval([chosen]),
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
        return Result(
            answer=_text(chosen),
            decision=f"judged by {judge.name}",
            sources=(chosen.id, vote.id),
            approved=approval([chosen]),
        )
    return majority(answers, [1.0] * len(answers), "majority, since the judge's vote is missing")


def _none_answered(candidates: Sequence[Message]) -> Error:
    details = [message.body.detail for message in candidates if isinstance(message.body, Error)]
    return Error(code="no-answer", detail="no agent answered" + (f": {details[0]}" if details else ""))


def _was_not_asked(message: Message) -> bool:
    """Return whether an agent was kept from answering by the limits of the run, which says nothing of it."""
    return isinstance(message.body, Error) and message.body.code == LimitReached.code


def _too_few(candidates: Sequence[Message], answered: int) -> Error:
    failed = next((message for message in candidates if isinstance(message.body, Error)), None)
    reason = f"; {failed.sender}: {failed.body.detail}" if failed and isinstance(failed.body, Error) else ""
    return Error(
        code="no-quorum",
        detail=f"only {answered} of {len(candidates)} members answered, fewer than half{reason} (with `quorum_of: "
        f"answered`, those that answered decide)",
    )


def _text(message: Message) -> str:
    return answer_of(message.body) or ""
