"""Preflight: compares a protocol's needs with the agents' abilities before anything runs."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace

from agentnet.agents.base import ANSWERING, Agent, Need
from agentnet.collab.combinators import needs
from agentnet.collab.stand_ins import DECIDING
from agentnet.contracts.cards import DUTIES, LEAST_ITEMS
from agentnet.contracts.protocols import BEST, Expression
from agentnet.contracts.replies import ReplyOptions
from agentnet.errors import PreflightError, Unsuited
from agentnet.network import Network


def preflight(expression: Expression, network: Network, *, reads: bool = False) -> list[str]:
    """Return notes on needs that agents meet only partly. Raises `PreflightError` with all needs that are not met.

    `reads`: there may be messages to read where the expression begins.
    """
    problems: list[str] = []
    notes: list[str] = []
    for need in dict.fromkeys(needs(expression, reads=reads)):
        for agent in network if need.agent == BEST else [network[need.agent]]:
            if need.agent == BEST and "solver" not in agent.card.roles:
                continue
            if (problem := agent.can(need)) is not None:
                problems.append(problem)
            if (note := agent.note(need)) is not None:
                notes.append(note)
            if (doubt := _unproven(need, agent)) is not None:
                (problems if agent.name in network.joined else notes).append(doubt)
            if agent.name in network.probation and need.agent != BEST:
                notes.append(f"{agent.name} is on probation: it is asked, but its answer weighs nothing")
            if need.raw and not agent.card.measured:
                notes.append(
                    f"{agent.name} was never measured, and its raw logits are added to those of others: large ones "
                    f"would decide every piece; with `strategy: median` they do not"
                )
            if need.logprobs and not network.shows_its_tokens(agent.name):
                notes.append(
                    f"{agent.name} is behind a server, and how sure it says it is does not count; set `vouched: true` "
                    f"for it in the network file if the server is yours"
                )
    if problems:
        raise PreflightError("; ".join(dict.fromkeys(problems)))
    return list(dict.fromkeys(notes))


def preflight_replies(expression: Expression, network: Network, replies: ReplyOptions) -> None:
    """Raise `PreflightError`, with every member that cannot answer as a caller asks: in a form, or with its tokens."""
    told = replies.top_logprobs is not None
    if replies.format is None and not told:
        return
    problems: list[str] = []
    for need in dict.fromkeys(needs(expression)):
        if need.role not in ANSWERING:
            continue
        if need.fused and replies.format is not None:
            problems.append(
                f"{need.agent} decodes together with others, and what several say together cannot be held to a form: "
                f"choose another protocol, or leave the form out"
            )
        if need.fused:
            continue
        form = need.format or (replies.format.kind if replies.format is not None else None)
        asked = replace(need, logprobs=need.logprobs or told, format=form)
        for agent in network if need.agent == BEST else [network[need.agent]]:
            if need.agent == BEST and "solver" not in agent.card.roles:
                continue
            if (problem := agent.can(asked)) is not None:
                problems.append(problem)
    if problems:
        raise PreflightError("; ".join(dict.fromkeys(problems)))


def _unproven(need: Need, agent: Agent) -> str | None:
    """Return one line if an agent is to decide for all and was not measured at that, else None. People are believed."""
    role = DECIDING.get(need.role)
    if role is None or not agent.metered or agent.card.proven_at(role):
        return None
    return (
        f"{agent.name} decides for all as {role}, but was never measured at it: its card has no {LEAST_ITEMS} answers "
        f"under a label such as `{DUTIES[role][0]}`"
    )


def require_knowledge(name: str, expression: Expression, network: Network, label: str | None, floor: float) -> None:
    """Raise `Unsuited` if all agents that would answer a task were measured, and know too little about its label.

    They know too little if even the best of them answered a smaller share of such tasks right than `floor` (0 to 1). An
    agent that was not measured for the label may know it, and a planner splits the task into other tasks: neither is
    refused. Newcomers on probation whom the protocol's selectors pass over change nothing: the error names them.
    """
    if floor == 0 or label is None:
        return
    protocol_needs = list(needs(expression))
    if any(need.role == "plan" for need in protocol_needs):
        return
    asked = {
        network.best(network.solvers, label) if need.agent == BEST else need.agent
        for need in protocol_needs
        if need.role in ANSWERING
    }
    measured = {agent: network[agent].card.measured.get(label) for agent in sorted(asked)}
    known = {agent: measurement for agent, measurement in measured.items() if measurement is not None}
    if len(known) < len(asked):
        return
    best = max(known, key=lambda agent: known[agent].accuracy)
    if known[best].accuracy < floor:
        raise Unsuited(
            f"{name} does not suit this task: its best agent at {label}, {best}, was right on "
            f"{known[best].accuracy * 100:.0f} % of {known[best].items} such tasks; use a protocol that splits tasks, "
            f"such as delegation{_passed_over(network, asked, label)}"
        )


def _passed_over(network: Network, asked: Collection[str], label: str) -> str:
    """Return what to do about newcomers that may know a label and are not asked yet; empty where there are none."""
    names = [
        name
        for name in network.solvers
        if name in network.joined & network.probation and name not in asked and label not in network[name].card.measured
    ]
    return (
        f", or have {' and '.join(names)} measured (`agentnet measure`): on probation, and not asked" if names else ""
    )
