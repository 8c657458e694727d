"""`fuse`: several members say one text, token by token (AI-Model Network, arXiv 2606.27382; see `agentnet.fusion`)."""

from __future__ import annotations

from langgraph.runtime import Runtime

from agentnet.collab.blueprint import Blueprint
from agentnet.collab.fused_turn import FusedTurn
from agentnet.collab.live import LiveRun
from agentnet.collab.state import State
from agentnet.contracts.protocols import Fuse


def draw(fuse: Fuse, blueprint: Blueprint) -> None:
    """START → decode → END: one message, whoever took part."""

    async def decode(state: State, runtime: Runtime[LiveRun]) -> State:
        turn = FusedTurn(runtime.context, fuse, node=f"{state['scope']}/decode", round=state.get("round", 0))
        said = await turn.take(state["task"], runtime.context.readable(state["view"]))
        return {"outcome": [said.id]}

    blueprint.node("decode", decode)
    blueprint.begin("decode")
    blueprint.end("decode")
