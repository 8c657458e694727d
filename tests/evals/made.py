"""Trials and records that are written down, so that what they add up to is known."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime

from agentnet.contracts.evaluations import EvaluationRecord, Item, MemberAnswer, System, Trial
from agentnet.contracts.network import AgentSpec, NetworkSpec
from agentnet.contracts.usage import Usage
from agentnet.evals.suite import SuiteSpec
from agentnet.evals.sweeps import system

RIGHT = "7"


def usage(tokens: int = 10, calls: int = 1) -> Usage:
    return Usage(calls=calls, prompt_tokens=tokens - 2 * calls, completion_tokens=2 * calls, seconds=0.1)


def said(*turns: tuple[str, int, str | None]) -> tuple[MemberAnswer, ...]:
    """Turns as (agent, round, answer); each takes ten tokens."""
    return tuple(
        MemberAnswer(
            agent=agent,
            round=round,
            answer=answer,
            score=None if answer is None else float(answer == RIGHT),
            usage=usage(),
        )
        for agent, round, answer in turns
    )


def trial(
    name: str, item: str = "i0", answer: str | None = RIGHT, *turns: tuple[str, int, str | None], **more: object
) -> Trial:
    spoken = said(*turns)
    values: dict[str, object] = {
        "system": name,
        "dataset": "sums",
        "item": item,
        "status": "failed" if answer is None else "done",
        "answer": answer,
        "score": float(answer == RIGHT),
        "usage": sum((one.usage for one in spoken), Usage()) if spoken else usage(),
        "seconds": 1.0,
        "messages": max(1, len(spoken)),
        "said": spoken,
    }
    return Trial.model_validate(values | more)


def items(count: int, dataset: str = "sums", label: str = "sums") -> list[Item]:
    return [
        Item(dataset=dataset, id=f"i{n}", text=f"{n}?", answers=(RIGHT,), label=label, cluster=f"i{n}")
        for n in range(count)
    ]


def record(
    systems: Sequence[System] = (), members: Sequence[str] = ("ann", "bob"), **suite: object
) -> EvaluationRecord:
    """An evaluation of some members and systems; nothing is measured, so the first member is the best."""
    from agentnet.contracts.protocols import Ask

    spec = SuiteSpec.model_validate(
        {
            "name": "made",
            "summary": "made",
            "datasets": [{"from": "zoo", "family": "math", "name": "sums", "items": 1}],
            "members": ["@all"],
            **suite,
        }
    )
    alone = [system(name, Ask(agent=name)).model_copy(update={"kind": "member"}) for name in members]
    now = datetime.now(UTC)
    return EvaluationRecord(
        id="e1",
        name="made",
        suite=spec.model_dump(mode="json", by_alias=True),
        folder=".",
        network=NetworkSpec(name="team", agents=tuple(AgentSpec(name=name, model=f"{name}.gguf") for name in members)),
        network_folder=".",
        systems=(*alone, *systems),
        created=now,
        updated=now,
    )
