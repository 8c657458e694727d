"""Binding: replace the selectors of a protocol by the members of a network."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeVar, cast

from agentnet.contracts.network import NetworkSpec
from agentnet.contracts.protocols import (
    Ask,
    Best,
    Cascade,
    Debate,
    Decision,
    Delegate,
    Expression,
    Fuse,
    Judge,
    Parallel,
    Serial,
    Synthesize,
    TaggedModel,
    Verify,
)
from agentnet.errors import ProtocolError
from agentnet.files.names import suggestion

BEST = "@best"
K = TypeVar("K", bound=TaggedModel)


class Binder:
    """Binds expressions to one network. Errors name the place in the expression."""

    def __init__(self, network: NetworkSpec) -> None:
        self._name = network.name
        self._roles = {agent.name: agent.card.roles for agent in network.agents}

    def bind(self, expression: Expression, place: str = "protocol") -> Expression:
        """The expression with agents' names in place of selectors; ``@best`` stays, it needs the task's label.

        Raises `ProtocolError` for an unknown agent, a role that nobody has, or a part without a single answer.
        """
        bound = self._bind(expression, place)
        if not yields_one(bound):
            raise ProtocolError(f"{place}: ends with several answers; give its last `decide` a rule other than `all`")
        return bound

    def _bind(self, expression: Expression, place: str) -> Expression:
        match expression:
            case Ask():
                return replace(expression, agent=self._one(expression.agent, f"{place}.agent"))
            case Serial():
                return replace(expression, steps=self._many(expression.steps, f"{place}.serial.steps"))
            case Parallel():
                branches = self._many(expression.branches, f"{place}.parallel.branches") * expression.times
                decide = self._decision(expression.decide, f"{place}.parallel.decide")
                return replace(expression, branches=branches, times=1, decide=decide)
            case Debate():
                members = self._many(expression.members, f"{place}.debate.members")
                self._single(members, f"{place}.debate.members")
                return replace(
                    expression, members=members, decide=self._decision(expression.decide, f"{place}.debate.decide")
                )
            case Delegate():
                workers = self._many(expression.workers, f"{place}.delegate.workers")
                self._single(workers, f"{place}.delegate.workers")
                merge = expression.merge
                if isinstance(merge, Synthesize):
                    merge = replace(merge, agent=self._one(merge.agent, f"{place}.delegate.merge"))
                planner = self._one(expression.planner, f"{place}.delegate.planner")
                return replace(expression, planner=planner, workers=workers, merge=merge)
            case Verify():
                proposer = self._bind(expression.proposer, f"{place}.verify.proposer")
                self._single([proposer], f"{place}.verify.proposer")
                verifier = self._one(expression.verifier, f"{place}.verify.verifier")
                return replace(expression, proposer=proposer, verifier=verifier)
            case Fuse():
                return replace(expression, members=self._names(expression.members, f"{place}.fuse.members"))
            case Cascade():
                steps = self._many(expression.steps, f"{place}.cascade.steps")
                self._single(steps, f"{place}.cascade.steps")
                return replace(expression, steps=steps)
            case Best():
                return replace(expression, among=self._many(expression.among, f"{place}.best.among"))

    def _many(self, parts: Sequence[Expression], place: str) -> tuple[Expression, ...]:
        bound: list[Expression] = []
        for index, part in enumerate(parts):
            here = f"{place}[{index}]"
            if isinstance(part, Ask) and part.agent.startswith("@") and part.agent != BEST:
                bound.extend(replace(part, agent=name) for name in self._selected(part.agent, here))
            else:
                bound.append(self._bind(part, here))
        return tuple(bound)

    def _names(self, selectors: Sequence[str], place: str) -> tuple[str, ...]:
        """Agents by name, each once."""
        found: list[str] = []
        for index, selector in enumerate(selectors):
            here = f"{place}[{index}]"
            several = selector.startswith("@") and selector != BEST
            found += self._selected(selector, here) if several else [self._one(selector, here)]
        return tuple(dict.fromkeys(found))

    def _decision(self, decision: Decision, place: str) -> Decision:
        if isinstance(decision, Judge | Synthesize):
            return cast(Decision, replace(decision, agent=self._one(decision.agent, place)))
        return decision

    def _one(self, selector: str, place: str) -> str:
        if selector == BEST:
            return selector
        if selector.startswith("@"):
            return self._selected(selector, place)[0]
        if selector not in self._roles:
            close, members = suggestion(selector, self._roles), ", ".join(self._roles)
            raise ProtocolError(f"{place}: no agent {selector!r} in network {self._name!r}{close} (members: {members})")
        return selector

    def _selected(self, selector: str, place: str) -> list[str]:
        role, _, limit = selector.removeprefix("@").partition(":")
        names = [name for name, roles in self._roles.items() if role == "all" or role in roles]
        if not names:
            raise ProtocolError(
                f"{place}: no agent of network {self._name!r} has the role {role!r}; name an agent instead, "
                f"or add the role to a card"
            )
        return names[: int(limit)] if limit else names

    def _single(self, parts: Sequence[Expression], place: str) -> None:
        for index, part in enumerate(parts):
            if not yields_one(part):
                raise ProtocolError(f"{place}[{index}]: must give one answer, but its `decide` is `all`")


def replace(expression: K, **changes: object) -> K:
    """A copy with some fields changed; the result is as valid as its parts are."""
    return expression.model_copy(update=changes)


def yields_one(expression: Expression) -> bool:
    """Whether an expression ends with one answer rather than several."""
    match expression:
        case Serial():
            return yields_one(expression.steps[-1])
        case Parallel() | Debate():
            return expression.decide != "all"
        case Best():
            return all(yields_one(part) for part in expression.among)
        case _:
            return True


def children(expression: Expression) -> tuple[Expression, ...]:
    """The expressions directly inside one."""
    match expression:
        case Serial() | Cascade():
            return expression.steps
        case Parallel():
            return expression.branches
        case Debate():
            return expression.members
        case Delegate():
            return expression.workers
        case Verify():
            return (expression.proposer,)
        case Best():
            return expression.among
        case _:
            return ()


def agents_of(expression: Expression) -> list[str]:
    """The names that an expression mentions anywhere, once each, in order."""
    named: list[str] = []
    match expression:
        case Ask():
            named.append(expression.agent)
        case Delegate():
            named.append(expression.planner)
            if isinstance(expression.merge, Synthesize):
                named.append(expression.merge.agent)
        case Verify():
            named.append(expression.verifier)
        case Fuse():
            named.extend(expression.members)
        case Parallel() | Debate() if isinstance(expression.decide, Judge | Synthesize):
            named.append(expression.decide.agent)
        case _:
            pass
    for part in children(expression):
        named.extend(agents_of(part))
    return list(dict.fromkeys(named))
