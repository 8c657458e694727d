"""The debate written directly in LangGraph: plain functions, compiled once, a node for each agent."""

from __future__ import annotations

from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Annotated, Any, TypedDict

from langgraph.checkpoint.sqlite.aio import AsyncSqliteSaver
from langgraph.graph import END, START, StateGraph

from benchmarks.contestants import AGENTS, REPLY, ROUNDS, TASK, Contestant, Debate


def _updated(before: dict[str, str], after: dict[str, str]) -> dict[str, str]:
    return {**before, **after}


class State(TypedDict, total=False):
    task: str
    said: Annotated[dict[str, str], _updated]
    round: int
    answer: str


async def model(prompt: str) -> str:
    return REPLY


def _agent(name: str) -> Any:
    async def turn(state: State) -> State:
        others = "\n".join(f"{other}: {text}" for other, text in state["said"].items())
        return {"said": {name: await model(f"{state['task']}\n{others}\nYou are {name}. Answer.")}}

    return turn


async def gather(state: State) -> State:
    return {"round": state["round"] + 1}


async def decide(state: State) -> State:
    answers = Counter(text.rpartition("Answer: ")[2] for text in state["said"].values())
    return {"answer": answers.most_common(1)[0][0]}


async def again(state: State) -> str | list[str]:
    return "decide" if state["round"] >= ROUNDS else list(AGENTS)


def _graph(checkpointer: Any = None) -> Any:
    graph = StateGraph(State)
    for name in AGENTS:
        graph.add_node(name, _agent(name))
        graph.add_edge(START, name)
    graph.add_node("gather", gather)
    graph.add_node("decide", decide)
    graph.add_edge(list(AGENTS), "gather")
    graph.add_conditional_edges("gather", again, [*AGENTS, "decide"])
    graph.add_edge("decide", END)
    return graph.compile(checkpointer=checkpointer)


def _debate(graph: Any) -> Debate:
    async def debate(number: int) -> str:
        config = {"configurable": {"thread_id": f"run-{number}"}}
        final = await graph.ainvoke({"task": TASK, "said": {}, "round": 0}, config)
        return str(final["answer"])

    return debate


@asynccontextmanager
async def in_memory(folder: Path) -> AsyncIterator[Debate]:
    yield _debate(_graph())


@asynccontextmanager
async def with_sqlite(folder: Path) -> AsyncIterator[Debate]:
    async with AsyncSqliteSaver.from_conn_string(str(folder / "checkpoints.db")) as saver:
        yield _debate(_graph(saver))


CONTESTANTS = (
    Contestant("LangGraph", False, in_memory),
    Contestant("LangGraph", True, with_sqlite),
)
