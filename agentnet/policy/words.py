"""A policy in plain words: what is used for which kind of task, and on which evidence."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from agentnet.contracts.policies import ALL, Choice, Estimate, Exchange, Policy
from agentnet.policy.learned import Learned


@dataclass(frozen=True, slots=True)
class Rule:
    """What is used for one kind of task."""

    label: str
    """``*`` for every task of which no other rule is."""
    use: str
    evidence: tuple[str, ...]
    """Sentences."""


def rules(policy: Policy) -> list[Rule]:
    """Return the rules of a policy: the general one first, then one for each kind of task that was tried."""
    found = {(estimate.candidate, estimate.label): estimate for estimate in policy.estimates}
    chosen = {choice.label: choice for choice in policy.choices}
    labels = [label for label in dict.fromkeys([*chosen, *(label for _, label in found)]) if label != ALL]
    general = chosen.get(ALL)
    made = [] if general else [Rule(ALL, policy.default, tuple(_general(policy, found.get((policy.default, ALL)))))]
    for label in [*([ALL] if general else []), *labels]:
        if choice := chosen.get(label, general):
            made.append(Rule(label, choice.use, tuple(_gain(choice, label, found))))
        else:
            made.append(Rule(label, policy.default, tuple(_kept(found.get((policy.default, label))))))
    return made


def _general(policy: Policy, estimate: Estimate | None) -> Iterator[str]:
    alone = policy.candidate(policy.default).member
    yield "the best single member in advance" if alone else "the best system in advance"
    if estimate is not None:
        yield _measured(estimate)


def _kept(estimate: Estimate | None) -> Iterator[str]:
    yield "nothing was better for certain"
    if estimate is not None:
        yield _measured(estimate)


def _gain(choice: Choice, label: str, found: dict[tuple[str, str], Estimate]) -> Iterator[str]:
    if estimate := found.get((choice.use, label)):
        yield _measured(estimate)
    if before := found.get((choice.instead_of, label)):
        yield f"instead of {choice.instead_of}, which was {_measured(before)}"
    gain = f"gain in utility {100 * choice.gain:+.1f} points, at least {100 * choice.gain_low:+.1f}"
    yield choice.why or f"{gain}, on {choice.items} tasks that did not propose it"


def _measured(estimate: Estimate) -> str:
    price = f", cost {estimate.cost:.3g}" if estimate.cost else ""
    return (
        f"right on {100 * estimate.accuracy:.1f} % of {estimate.items} tasks, with {estimate.tokens:.0f} tokens and "
        f"{estimate.seconds:.2g} s each{price}"
    )


def remarks(learned: Learned) -> Iterator[str]:
    """Yield what else is to be known about a policy, one sentence each."""
    policy = learned.policy
    yield exchange(policy.exchange)
    if learned.analyzer is None:
        yield "Kinds of tasks: only a label that is given counts."
    else:
        yield f"Kinds of tasks: {learned.analyzer}."
    if policy.explore:
        yield f"On {100 * policy.explore:g} % of the tasks another system is tried."
    surely, most = f"{100 * (1 - policy.delta):g} %", f"{100 * policy.epsilon:g} points"
    yield (
        f"On tasks drawn like those it was calibrated on, with a probability of at least {surely}, `auto` is not more "
        f"than {most} below {policy.default}."
    )


def exchange(rates: Exchange) -> str:
    """Return what accuracy is worth, as one sentence."""
    prices = [
        f"{100 * rate:g} points of accuracy for {unit}"
        for rate, unit in (
            (rates.price, "one unit of money"),
            (rates.second, "a second"),
            (rates.token, "1,000 tokens"),
        )
        if rate
    ]
    return (
        f"Worth it: {', '.join(prices)}." if prices else "Only accuracy counts: neither money, seconds nor tokens do."
    )
