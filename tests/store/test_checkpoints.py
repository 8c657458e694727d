"""LangGraph's checkpoints: plain data only, and errors in one line."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any, TypedDict

import pytest
from langgraph.graph import END, START, StateGraph

from agentnet.errors import StoreError
from agentnet.store import open_checkpointer
from agentnet.store.checkpoints import forget


class Box(TypedDict):
    value: Any


@dataclasses.dataclass
class Smuggled:
    word: str


def graph_with(value: object, checkpointer: object) -> Any:
    builder = StateGraph(Box)
    builder.add_node("fill", lambda state: {"value": value})
    builder.add_edge(START, "fill")
    builder.add_edge("fill", END)
    return builder.compile(checkpointer=checkpointer)  # type: ignore[arg-type]


async def saved(path: Path, value: object) -> object:
    config: Any = {"configurable": {"thread_id": "t"}}
    async with open_checkpointer(path) as saver:
        await graph_with(value, saver).ainvoke({"value": None}, config)
    async with open_checkpointer(path) as saver:
        state = await graph_with(value, saver).aget_state(config)
        return state.values["value"]


async def test_plain_data_comes_back_as_it_was(tmp_path: Path) -> None:
    value = {"ids": ["a", "b"], "round": 3, "done": True, "nothing": None}
    assert await saved(tmp_path / "c.db", value) == value


async def test_a_class_in_a_checkpoint_is_never_made_again(tmp_path: Path) -> None:
    assert not isinstance(await saved(tmp_path / "c.db", Smuggled("hello")), Smuggled)


async def test_the_checkpoints_of_a_finished_run_can_be_forgotten(tmp_path: Path) -> None:
    config: Any = {"configurable": {"thread_id": "t"}}
    async with open_checkpointer(tmp_path / "c.db") as saver:
        await graph_with(1, saver).ainvoke({"value": None}, config)
        assert await saver.aget_tuple(config) is not None
        await forget(saver, "t")
        assert await saver.aget_tuple(config) is None


async def test_a_file_that_is_no_database_is_one_line(tmp_path: Path) -> None:
    path = tmp_path / "c.db"
    path.write_bytes(b"no database at all " * 100)
    with pytest.raises(StoreError, match="not a database") as caught:
        async with open_checkpointer(path):
            pass
    assert "\n" not in str(caught.value)
