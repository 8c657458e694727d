"""`fuse`: several members say one text, token by token (AI-Model Network, arXiv 2606.27382; see `agentnet.fusion`)."""

from __future__ import annotations

from langgraph.runtime import Runtime

from agentnet.collab.context import RunContext
from agentnet.collab.graph_builder import GraphBuilder
from agentnet.collab.state import State
from agentnet.contracts.protocols import Fuse


def draw(fuse: Fuse, builder: GraphBuilder) -> None:
    """START → decode → END: one message, whichever members took part."""
    from agentnet.collab.fused_turn import FusedTurn  # fusion needs numpy; other protocols do without

    async def decode(state: State, runtime: Runtime[RunContext]) -> State:
        turn = FusedTurn(runtime.context, fuse, node=f"{state['scope']}/decode", round=state.get("round", 0))
        said = await turn.take(state["task"], runtime.context.readable(state["view"]))
        return {"outcome": [said.id]}

    builder.node("decode", decode)
    builder.begin("decode")
    builder.end("decode")
