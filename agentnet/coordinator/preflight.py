"""Preflight: what a protocol needs, against what each agent can do, before anything runs."""

from __future__ import annotations

from agentnet.collab.binding import BEST
from agentnet.collab.combinators import needs
from agentnet.contracts.protocols import Expression
from agentnet.errors import PreflightError
from agentnet.network import Network


def preflight(expression: Expression, network: Network) -> list[str]:
    """Notes on what will work less well than it could. Raises `PreflightError` naming everything that cannot work."""
    problems: list[str] = []
    notes: list[str] = []
    for need in dict.fromkeys(needs(expression)):
        for agent in network if need.agent == BEST else [network[need.agent]]:
            if need.agent == BEST and "solver" not in agent.card.roles:
                continue
            if (problem := agent.can(need)) is not None:
                problems.append(problem)
            if (note := agent.note(need)) is not None:
                notes.append(note)
    if problems:
        raise PreflightError("; ".join(dict.fromkeys(problems)))
    return list(dict.fromkeys(notes))
