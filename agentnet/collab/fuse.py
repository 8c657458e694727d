"""`fuse`: several members say one text, token by token (AI-Model Network, arXiv 2606.27382; see `agentnet.fusion`)."""

from __future__ import annotations

from collections.abc import Iterator

from langgraph.runtime import Runtime

from agentnet.agents.base import Need
from agentnet.collab.base import Binding, Combinator, roles_of
from agentnet.collab.binding import replace
from agentnet.collab.context import RunContext
from agentnet.collab.graph_builder import GraphBuilder
from agentnet.collab.state import State
from agentnet.contracts.protocols import Fuse

RAW = ("duetnet", "dk")
"""The strategies that add up the members' raw logits."""


class FuseCombinator(Combinator[Fuse]):
    """START → decode → END: one message of all members."""

    own_nodes = frozenset({"decode"})

    def bind(self, fuse: Fuse, binder: Binding, path: str) -> Fuse:
        return replace(fuse, members=binder.agents(fuse.members, f"{path}.fuse.members"))

    def needs(self, fuse: Fuse, *, reads: bool, confidence: bool) -> Iterator[Need]:
        for member in fuse.members:
            for role in roles_of(None, reads=reads):
                yield Need(member, role, fused=True, bytewise=fuse.level == "bytes", raw=fuse.strategy in RAW)

    def build(self, fuse: Fuse, graph: GraphBuilder) -> None:
        from agentnet.collab.fused_turn import FusedTurn  # fusion needs numpy; other protocols do without

        async def decode(state: State, runtime: Runtime[RunContext]) -> State:
            turn = FusedTurn(runtime.context, fuse, node=f"{state['scope']}/decode", round=state.get("round", 0))
            message = await turn.take(state["task"], runtime.context.readable(state["visible"]))
            return {"outcome": [message.id]}

        graph.node("decode", decode)
        graph.begin("decode")
        graph.end("decode")


COMBINATOR = FuseCombinator()
