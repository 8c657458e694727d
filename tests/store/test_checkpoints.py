"""Checkpoints: resumed after a crash, small, and never an object of a class."""

from __future__ import annotations

import asyncio
import operator
import sqlite3
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, TypedDict

import ormsgpack
import pytest
from langgraph.checkpoint.serde.jsonplus import JsonPlusSerializer
from langgraph.graph import END, START, StateGraph
from langgraph.types import Command, Send, interrupt

from agentnet.errors import StoreError
from agentnet.store import Checkpointer, Database, Runs, open_checkpointer, sweep
from agentnet.store.plain_data import PlainSerializer

from .samples import run_record


class State(TypedDict):
    ids: Annotated[list[str], operator.add]
    round: int


@dataclass
class Thing:
    name: str


def debate(saver: Any, rounds: int, fail_once: list[str] | None = None) -> Any:
    """Three branches at once, then a join, again and again."""
    failing = fail_once or []

    def branch(name: str) -> Any:
        async def say(state: State) -> dict[str, Any]:
            if f"{name}{state['round']}" in failing:
                failing.remove(f"{name}{state['round']}")
                await asyncio.sleep(0.2)  # after the others are stored
                raise RuntimeError("power cut")
            said.append(f"{name}{state['round']}")
            return {"ids": [said[-1]]}

        return say

    said: list[str] = []
    names = ("ann", "bob", "cyd")
    graph = StateGraph(State)
    for name in names:
        graph.add_node(name, branch(name))
        graph.add_edge(START, name)
    graph.add_node("join", lambda state: {"round": state["round"] + 1})
    graph.add_edge(list(names), "join")
    graph.add_conditional_edges("join", lambda state: END if state["round"] >= rounds else list(names))
    compiled = graph.compile(checkpointer=saver)
    compiled.said = said  # type: ignore[attr-defined]
    return compiled


def at(thread: str) -> dict[str, Any]:
    return {"configurable": {"thread_id": thread}, "recursion_limit": 10_000}


def rows(path: Path, table: str) -> int:
    with closing(sqlite3.connect(path)) as connection:
        return int(connection.execute(f"SELECT count(*) FROM {table}").fetchone()[0])


@pytest.mark.parametrize("durability", ["async", "sync"])
async def test_a_run_goes_on_after_a_failure_with_what_its_branches_had_done(tmp_path: Path, durability: str) -> None:
    path = tmp_path / "folder" / "checkpoints.db"
    async with open_checkpointer(path) as saver:
        graph = debate(saver, 6, ["bob3"])
        with pytest.raises(RuntimeError, match="power cut"):
            await graph.ainvoke({"ids": [], "round": 0}, at("run"), durability=durability)
    async with open_checkpointer(path) as saver:
        graph = debate(saver, 6)
        state = await graph.ainvoke(None, at("run"), durability=durability)
        assert graph.said[:1] == ["bob3"], "ann3 and cyd3 are not asked again"
        assert sorted(state["ids"]) == sorted(f"{name}{r}" for name in ("ann", "bob", "cyd") for r in range(6))


async def test_a_long_debate_keeps_only_what_resuming_needs(tmp_path: Path) -> None:
    path = tmp_path / "checkpoints.db"
    async with open_checkpointer(path) as saver:
        await asyncio.gather(*(debate(saver, 20).ainvoke({"ids": [], "round": 0}, at(run)) for run in ("a", "b")))
        assert rows(path, "checkpoints") <= 4
        assert rows(path, "writes") <= 40
        state = await debate(saver, 20).aget_state(at("a"))
        assert state.values["round"] == 20
        await saver.adelete_thread("a")
        assert await saver.aget_tuple(at("a")) is None
        assert await saver.aget_tuple(at("b")) is not None
        await saver.adelete_thread("b")
        assert rows(path, "checkpoints") == rows(path, "writes") == 0


async def test_deleting_takes_one_commit_and_does_not_look_at_other_threads(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    batches: list[int] = []
    commit = Checkpointer._commit

    def counted(self: Checkpointer, batch: list[Any]) -> list[Exception | None]:
        batches.append(len(batch))
        return commit(self, batch)

    monkeypatch.setattr(Checkpointer, "_commit", counted)
    path = tmp_path / "checkpoints.db"
    names = [f"run-{number}" for number in range(20)]
    async with open_checkpointer(path) as saver:
        await asyncio.gather(*(debate(saver, 1).ainvoke({"ids": [], "round": 0}, at(run)) for run in names))
        assert sorted(await saver.threads()) == sorted(names)
        batches.clear()
        await saver.adelete_thread("run-0")
        await asyncio.gather(*(saver.adelete_thread(run) for run in names[1:19]))
        assert batches == [1, 18]
        assert await saver.threads() == ["run-19"]
        assert list(saver._kept) == ["run-19"]


async def test_checkpoints_of_runs_that_are_over_are_swept_up(tmp_path: Path) -> None:
    path = tmp_path / "checkpoints.db"
    async with open_checkpointer(path) as saver, await Database.open(tmp_path / "store.db") as database:
        runs = Runs(database)
        for run in ("done", "failed", "stopped", "running"):
            await runs.start_run(run_record(run, status=run))
        for run in ("done", "failed", "stopped", "running", "of another store"):
            await debate(saver, 1).ainvoke({"ids": [], "round": 0}, at(run))
        await sweep(saver, runs)
        assert sorted(await saver.threads()) == ["of another store", "running", "stopped"]


async def test_a_resumed_run_removes_what_the_process_before_left(tmp_path: Path) -> None:
    path = tmp_path / "checkpoints.db"
    async with open_checkpointer(path, keep=None) as saver:
        with pytest.raises(RuntimeError):
            await debate(saver, 9, ["cyd5"]).ainvoke({"ids": [], "round": 0}, at("run"))
    assert rows(path, "checkpoints") > 10
    async with open_checkpointer(path) as saver:
        assert len((await debate(saver, 9).ainvoke(None, at("run")))["ids"]) == 27
    assert rows(path, "checkpoints") <= 2


async def test_fan_out_by_send_and_interrupts_pass(tmp_path: Path) -> None:
    def ask(state: dict[str, Any]) -> dict[str, Any]:
        return {"ids": [interrupt({"who": state["ids"][0]})]}

    graph = StateGraph(State)
    graph.add_node("ask", ask)
    graph.add_conditional_edges(START, lambda state: [Send("ask", {"ids": [name], "round": 0}) for name in "ab"])
    async with open_checkpointer(tmp_path / "checkpoints.db") as saver:
        compiled = graph.compile(checkpointer=saver)
        paused = await compiled.ainvoke({"ids": [], "round": 0}, at("run"))
        answers = {one.id: one.value["who"].upper() for one in paused["__interrupt__"]}
        state = await compiled.ainvoke(Command(resume=answers), at("run"))
        assert sorted(state["ids"]) == ["A", "B"]


async def test_an_object_in_the_state_is_refused(tmp_path: Path) -> None:
    graph = StateGraph(State)
    graph.add_node("say", lambda state: {"ids": [Thing("x")]})
    graph.add_edge(START, "say")
    async with open_checkpointer(tmp_path / "checkpoints.db") as saver:
        with pytest.raises(StoreError, match=r"plain data only, not a .*test_checkpoints\.Thing"):
            await graph.compile(checkpointer=saver).ainvoke({"ids": [], "round": 0}, at("run"))


def test_a_file_that_names_a_class_does_not_get_an_object() -> None:
    lenient, strict = JsonPlusSerializer(allowed_msgpack_modules=True), PlainSerializer()
    written = lenient.dumps_typed({"thing": Thing("x")})
    assert lenient.loads_typed(written) == {"thing": Thing("x")}
    assert strict.loads_typed(written) == {"thing": {"name": "x"}}
    widened = strict.with_msgpack_allowlist([Thing])
    assert widened.loads_typed(written) == {"thing": {"name": "x"}}
    call = ormsgpack.packb(ormsgpack.Ext(0, ormsgpack.packb(("os", "getenv", "HOME"))))
    assert strict.loads_typed(("msgpack", call)) == "HOME"
    with pytest.raises(NotImplementedError):
        strict.loads_typed(("pickle", b"cos\nsystem\n."))


async def test_faults_are_told_in_one_line(tmp_path: Path) -> None:
    text = tmp_path / "notes.db"
    text.write_bytes(b"these are notes, not a database " * 100)
    with pytest.raises(StoreError, match=r"checkpoints .*notes\.db: file is not a database"):
        async with open_checkpointer(text):
            pass
    (tmp_path / "file").touch()
    with pytest.raises(StoreError, match="choose another place"):
        async with open_checkpointer(tmp_path / "file" / "checkpoints.db"):
            pass
    async with open_checkpointer(tmp_path / "full.db") as saver:
        saver._connection.execute("PRAGMA max_page_count=12")
        with pytest.raises(StoreError, match="disk is full"):
            await debate(saver, 3).ainvoke({"ids": ["x" * 50_000], "round": 0}, at("run"))


async def test_an_error_of_the_caller_passes_as_it_is(tmp_path: Path) -> None:
    with pytest.raises(sqlite3.OperationalError, match="mine"):
        async with open_checkpointer(tmp_path / "checkpoints.db"):
            raise sqlite3.OperationalError("mine")
