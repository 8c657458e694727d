"""Mutual evaluation: the members of a network grade each other's answers (AI-Model Network, section 3.6).

Every member answers the selection items alone, as in any evaluation; every other member grades each answer. A grade is
a trial of a system called ``JUDGE grades MEMBER``, so it is stored as it comes, and none is given twice. A grade that
does not parse is a trial without a score: it is missing, and counts nowhere.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from statistics import fmean

from agentnet.agents import Agent, ModelAgent, Turn
from agentnet.contracts.bodies import Error, Grade, Proposal, Task, Verdict
from agentnet.contracts.evaluations import SELECTION, Item, System, Trial, TrialStatus
from agentnet.contracts.grades import LETTERS, VERDICTS, Grades, MeanGrade
from agentnet.contracts.messages import CANDIDATE, Message
from agentnet.contracts.protocols import Ask
from agentnet.contracts.usage import Usage
from agentnet.errors import AgentNetError, BadInput
from agentnet.evals.suite import MutualGrades
from agentnet.evals.sweeps import system
from agentnet.network import Network
from agentnet.network.measuring import NOT_ITS_FAULT


def scale_of(spec: MutualGrades, network: Network, members: Sequence[str]) -> tuple[str, ...]:
    """Return the grades that the members give: the suite's, else letters, or verdicts where prompts know no grades.

    Raises `BadInput` for a scale of its own that some member's prompt pack has no template for.
    """
    mute = [name for name in members if not _can_grade(network[name])]
    if spec.scale in (None, VERDICTS):
        return VERDICTS if mute or spec.scale else LETTERS
    if mute:
        raise BadInput(
            f"{mute[0]} cannot grade by {', '.join(spec.scale or ())}: its prompt pack has no template `grade`; leave "
            f"`scale` out, and members give verdicts"
        )
    return spec.scale or LETTERS


def _can_grade(agent: Agent) -> bool:
    return not isinstance(agent, ModelAgent) or "grade" in agent.pack.roles


def graders(members: Sequence[str]) -> Iterator[System]:
    """Yield a system for each member that grades another one."""
    for judge in members:
        for member in members:
            if judge != member:
                yield system(f"{judge} grades {member}", Ask(agent=judge), judge=judge, member=member)


async def grade(
    grader: System, item: Item, answer: Trial, network: Network, scale: Sequence[str], *, scored: bool, seed: int
) -> Trial:
    """Return the trial that one grade makes. `scale` is best first; its score lies between 0 (the last) and 1."""
    agent = network[grader.facts["judge"]]
    said = Proposal(answer=answer.answer or "", text=answer.reply or answer.answer or "")
    turn = Turn(
        "verify" if tuple(scale) == VERDICTS else "grade",
        Task(text=item.text, label=item.label),
        read=[Message(id=CANDIDATE, run="", sequence=0, sender=CANDIDATE, node="", time=datetime.now(UTC), body=said)],
        scale=scale,
        scored=scored,
        seed=seed,
    )
    started, usage = time.perf_counter(), Usage()
    found: str | None = None
    status: TrialStatus = "done"
    detail = ""
    try:
        reply = await agent.take(turn)
        usage = reply.usage
        match reply.body:
            case Grade(grade=found) | Verdict(verdict=found):
                pass
            case Error(detail=detail):
                status = "failed"
            case _:
                status, detail = "failed", f"{agent.name} gave no grade"
    except AgentNetError as error:
        status, detail = "error" if error.code in NOT_ITS_FAULT else "failed", str(error)
    return Trial(
        system=grader.name,
        dataset=item.dataset,
        item=item.id,
        split=SELECTION,
        status=status,
        answer=found,
        score=None if found is None else (len(scale) - 1 - scale.index(found)) / (len(scale) - 1),
        detail=detail,
        usage=usage,
        seconds=time.perf_counter() - started,
        messages=1,
        errors=int(found is None),
    )


def grades_of(
    trials: Sequence[Trial], members: Sequence[str], scale: Sequence[str], *, suite: str, seed: int, graded_at: datetime
) -> Grades:
    """Return the mean grades of some trials. A pair without a grade that parsed is left out."""
    by_system: dict[str, list[Trial]] = {}
    for trial in trials:
        by_system.setdefault(trial.system, []).append(trial)
    given: dict[str, dict[str, MeanGrade]] = {}
    for grader in graders(members):
        own = by_system.get(grader.name, [])
        scores = [trial.score for trial in own if trial.score is not None]
        if scores:
            mean = 1 + (len(scale) - 1) * fmean(scores)
            graded = MeanGrade(mean=mean, items=len(scores), missing=len(own) - len(scores))
            given.setdefault(grader.facts["judge"], {})[grader.facts["member"]] = graded
    return Grades(scale=tuple(scale), given=given, suite=suite, seed=seed, graded_at=graded_at)


def expected_grades(members: Sequence[str]) -> Grades:
    """Return grades that stand for those that are to come, so that a protocol which needs grades can be checked."""
    best = MeanGrade(mean=1, items=1)
    return Grades(given={judge: {member: best for member in members if member != judge} for judge in members})
