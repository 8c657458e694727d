"""The interface of a combinator: what binding, preflight and compiling ask of each kind of expression."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, ClassVar, Generic, Protocol, TypeVar

from agentnet.contracts.policies import Policy
from agentnet.contracts.protocols import AnyCombinator, Decision, Expression, Merge
from agentnet.contracts.tagged import TaggedModel

if TYPE_CHECKING:
    from agentnet.agents.base import Need
    from agentnet.collab.graph_builder import GraphBuilder

E = TypeVar("E", bound=TaggedModel)
Rule = TypeVar("Rule", Decision, Merge)


class Binding(Protocol):
    """What replaces selectors by the agents of a network: `agentnet.collab.binding.Binder`.

    Each method takes the path of the field that it binds, and begins its errors with it. Raises `ProtocolError`.
    """

    policy: Policy | None
    """What was learned about the network, if anything."""

    def expression(self, part: Expression, path: str) -> Expression:
        """Return one expression, bound."""
        ...

    def expressions(self, parts: Sequence[Expression], path: str) -> tuple[Expression, ...]:
        """Return expressions, bound; one that asks a role becomes one for each agent that has it."""
        ...

    def agent(self, selector: str, path: str) -> str:
        """Return the agent that a selector means; of a role, the first that was measured at it, else that has it."""
        ...

    def agents(self, selectors: Sequence[str], path: str) -> tuple[str, ...]:
        """Return the agents that selectors mean, each once; a role means all that have it."""
        ...

    def rule(self, rule: Rule, path: str) -> Rule:
        """Return a decision rule with the agent that it asks, if it asks one, bound."""
        ...

    def grades(self) -> Mapping[str, Mapping[str, float]] | None:
        """Return judge → member → mean grade, as the network's members graded each other; None if they did not."""
        ...

    def require_single(self, parts: Sequence[Expression], path: str) -> None:
        """Raise `ProtocolError` where one of some bound parts ends with several answers."""
        ...


class Combinator(ABC, Generic[E]):
    """How expressions of one kind are bound, checked and turned into a graph.

    The expressions are data (`agentnet.contracts.protocols`); a combinator has no state, and each method is given the
    expression that it is about. `bind` and `build` are its work, the other methods have defaults that fit most kinds.

    A combinator `twice: PART`, which asks a part again with its first answer in view, is a file ``twice.py`` with::

        class TwiceCombinator(Combinator[Twice]):
            def bind(self, twice: Twice, binder: Binding, path: str) -> Twice:
                return replace(twice, part=binder.expression(twice.part, f"{path}.twice.part"))

            def comes_to_read(self, twice: Twice, index: int) -> bool:
                return True

            def build(self, twice: Twice, graph: GraphBuilder) -> None:
                first, second = graph.children([twice.part, twice.part], cumulative, ends=True)
                graph.begin(first)
                graph.edge(first, end=second)
                graph.end(second)


        COMBINATOR = TwiceCombinator()

    The recipe in ``docs/recipes/combinator.md`` takes it from there.
    """

    own_nodes: ClassVar[frozenset[str]] = frozenset()
    """Names of the nodes that `build` adds beside the children's; a child of such a name is numbered."""
    asks_all: ClassVar[bool] = True
    """Whether every child is asked, at the latest when another fails. Where only a chosen one is, another's member may
    stand in for it (see `agentnet.collab.stand_ins`)."""
    analyzes: ClassVar[bool] = False
    """Whether the expression records what kind of task its own is; else the coordinator does so before it begins."""

    @abstractmethod
    def bind(self, expression: E, binder: Binding, path: str, /) -> Expression:
        """Return the expression with agents' names in place of its selectors, and with its children bound.

        It may come down to an expression of another kind. `path` leads to the expression
        (``protocol.serial.steps[0]``); errors begin with it. Raises `ProtocolError`.
        """

    @abstractmethod
    def build(self, expression: E, graph: GraphBuilder, /) -> None:
        """Add the nodes and edges of a bound expression. The graph must set the state's `outcome` before it ends."""

    def children(self, expression: E, /) -> tuple[Expression, ...]:
        """Return the expressions directly inside this one. Default: those in its fields, in order."""
        values = (getattr(expression, name) for name in type(expression).model_fields)
        parts = (part for value in values for part in (value if isinstance(value, tuple) else (value,)))
        return tuple(part for part in parts if isinstance(part, AnyCombinator))

    def needs(self, expression: E, /, *, reads: bool, confidence: bool) -> Iterable[Need]:
        """Yield what the expression asks of the agents that it names itself; what its children need is their own.

        `reads`: there may be messages to read where the expression begins. `confidence`: the answers must come with
        the agents' confidence. Default: nothing, for an expression that names no agents.
        """
        return ()

    def yields_one(self, expression: E, /) -> bool:
        """Return whether the expression ends with one answer rather than several. Default: with one."""
        return True

    def super_steps(self, expression: E, /) -> int:
        """Return how many super-steps of LangGraph the expression's own graph can take, short of a few at its ends."""
        return 1

    def weighs_confidence(self, expression: E, /) -> bool:
        """Return whether the expression decides by how sure its members are. Default: it does not."""
        return False

    def comes_to_read(self, expression: E, index: int, /) -> bool:
        """Return whether the child at an index may be asked after something was said in the expression.

        Such a child may have to revise instead of solve. Default: it is asked first, and once.
        """
        return False


def roles_of(role: str | None, *, reads: bool) -> tuple[str, ...]:
    """Return the roles that a turn may have: its own, or else to solve, and to revise where there may be messages."""
    if role is not None:
        return (role,)
    return ("solve", "revise") if reads else ("solve",)
