"""Binding: replace the selectors of a protocol by the members of a network."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from typing import TypeVar, cast

from agentnet.collab.combinators import combinator_of, yields_one
from agentnet.contracts.grades import Grades
from agentnet.contracts.network import NetworkSpec
from agentnet.contracts.policies import Policy
from agentnet.contracts.protocols import BEST, Ask, Decision, Expression, Judge, Merge, Synthesize
from agentnet.contracts.tagged import TaggedModel
from agentnet.errors import ProtocolError
from agentnet.files.names import suggestion

T = TypeVar("T", bound=TaggedModel)
Rule = TypeVar("Rule", Decision, Merge)

SOLVER = "solver"
"""The role of the members that ``@best`` means."""


class Binder:
    """Binds expressions to the agents of one network.

    `bind` is for a whole protocol; the other methods are for combinators, one for each kind of field. Each takes the
    path of the field, begins its errors with it, and raises `ProtocolError` for an unknown agent or an unplayed role.
    """

    def __init__(self, network: NetworkSpec, policy: Policy | None = None, *, probation: Collection[str] = ()) -> None:
        """Make a binder. With a `policy`, expressions that use what was learned (`auto`) use it.

        Selectors of roles pass over the agents on `probation`, unless no other has the role.
        """
        self.policy = policy
        self._name, self._probation = network.name, frozenset(probation)
        self._grades = network.grades
        self._cards = {agent.name: agent.card for agent in network.agents}
        self._roles: defaultdict[str, set[str]] = defaultdict(set)
        """By member: the roles that it was selected for."""

    @property
    def roles(self) -> dict[str, frozenset[str]]:
        """By member: the roles for which selectors meant it so far; ``all`` for ``@all``."""
        return {name: frozenset(roles) for name, roles in self._roles.items()}

    def bind(self, expression: Expression, path: str = "protocol") -> Expression:
        """Return the expression with agents' names in place of selectors; ``@best`` stays, it needs the task's label.

        Raises `ProtocolError` for an unknown agent, a role that no agent has, or a part without a single answer.
        """
        bound = self.expression(expression, path)
        if not yields_one(bound):
            raise ProtocolError(f"{path}: ends with several answers; give its last `decide` a rule other than `all`")
        return bound

    def expression(self, part: Expression, path: str) -> Expression:
        """Return one expression, bound."""
        bound: Expression = combinator_of(part).bind(part, self, path)
        return bound

    def expressions(self, parts: Sequence[Expression], path: str) -> tuple[Expression, ...]:
        """Return expressions, bound; one that asks a role becomes one for each agent that has it."""
        bound: list[Expression] = []
        for index, part in enumerate(parts):
            if isinstance(part, Ask) and _stands_for_several(part.agent):
                names = self._agents_with(part.agent, f"{path}[{index}]")
                bound.extend(replace(part, agent=name) for name in names)
            else:
                bound.append(self.expression(part, f"{path}[{index}]"))
        return tuple(bound)

    def agent(self, selector: str, path: str) -> str:
        """Return the agent that a selector means; of a role, the first that was measured at it, else that has it."""
        if selector == BEST:
            for name, card in self._cards.items():
                if SOLVER in card.roles:
                    self._roles[name].add(SOLVER)
            return selector
        if selector.startswith("@"):
            role, names = _role(selector), self._agents_with(selector, path)
            return next((name for name in names if self._cards[name].proven_at(role)), names[0])
        if selector not in self._cards:
            close, members = suggestion(selector, self._cards), ", ".join(self._cards)
            raise ProtocolError(f"{path}: no agent {selector!r} in network {self._name!r}{close} (members: {members})")
        return selector

    def agents(self, selectors: Sequence[str], path: str) -> tuple[str, ...]:
        """Return the agents that selectors mean, each once; a role means all that have it."""
        names: list[str] = []
        for index, selector in enumerate(selectors):
            here = f"{path}[{index}]"
            if _stands_for_several(selector):
                names += self._agents_with(selector, here)
            else:
                names.append(self.agent(selector, here))
        return tuple(dict.fromkeys(names))

    def rule(self, rule: Rule, path: str) -> Rule:
        """Return a decision rule with the agent that it asks, if it asks one, bound."""
        if isinstance(rule, Judge | Synthesize):
            return cast(Rule, replace(rule, agent=self.agent(rule.agent, path)))
        return rule

    def grades(self) -> Mapping[str, Mapping[str, float]] | None:
        """Return judge → member → mean grade, as the network's members graded each other; None if they did not."""
        return self._grades.means if isinstance(self._grades, Grades) else None

    def require_single(self, parts: Sequence[Expression], path: str) -> None:
        """Raise `ProtocolError` where one of some bound parts ends with several answers."""
        for index, part in enumerate(parts):
            if not yields_one(part):
                raise ProtocolError(f"{path}[{index}]: must give one answer, but its `decide` is `all`")

    def _agents_with(self, selector: str, path: str) -> list[str]:
        """Return the agents of a role selector (``@ROLE``, ``@ROLE:2``, ``@all``), in the network's order."""
        role, limit = _role(selector), selector.partition(":")[2]
        names = [name for name, card in self._cards.items() if role == "all" or role in card.roles]
        if not names:
            known = sorted({each for card in self._cards.values() for each in card.roles})
            raise ProtocolError(
                f"{path}: no agent of network {self._name!r} has the role {role!r}{suggestion(role, known)}; "
                f"name an agent instead, or add the role to a card"
            )
        names = [name for name in names if name not in self._probation] or names
        for name in names:
            self._roles[name].add(role)
        return names[: int(limit)] if limit else names


def _role(selector: str) -> str:
    return selector.removeprefix("@").partition(":")[0]


def _stands_for_several(selector: str) -> bool:
    return selector.startswith("@") and selector != BEST


def replace(value: T, **changes: object) -> T:
    """Return a copy with some fields changed; it is as valid as its parts are."""
    return value.model_copy(update=changes)
