"""The ledger of the KV cache, kept beside the real one: every step is compared with what llama.cpp holds."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, consumes, initialize, invariant, multiple, rule

from agentnet.models.llama.cells import CachedSequence
from tests.models.llama.architectures import write_hybrid, write_recurrent, write_windowed
from tests.models.llama.cache_machine import STEMS, Machine, read
from tests.models.llama.files import write_random

LETTERS = st.lists(st.integers(300, 303), min_size=1, max_size=20)
PROMPTS = st.builds(
    lambda stem, length, tail: [*STEMS[stem][:length], *tail], st.integers(0, 2), st.integers(1, 150), LETTERS
)
"""Few beginnings, so that they are often shared, and long enough that three of them do not fit beside one another."""


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("architectures")
    return {
        "attention": write_random(folder / "attention.gguf"),
        "windowed": write_windowed(folder / "windowed.gguf"),
        "recurrent": write_recurrent(folder / "recurrent.gguf"),
        "hybrid": write_hybrid(folder / "hybrid.gguf"),
    }


_files: dict[str, Path] = {}


@pytest.fixture(autouse=True, scope="module")
def _remember(files: dict[str, Path]) -> Iterator[None]:
    """A state machine gets no fixtures."""
    _files.update(files)
    yield
    _files.clear()


class Ledger(RuleBasedStateMachine):
    """Opens, extends, cuts, forks, closes and drops sequences in any order."""

    architecture = "attention"
    layout: Literal["pool", "rows"] = "pool"
    rounding = 1e-4
    held = Bundle("held")

    @initialize(
        sequences=st.sampled_from([1, 3]),
        host_cache_bytes=st.sampled_from([0, 300_000, 1 << 24]),
        reuse=st.sampled_from([True, True, False]),
        fills_up=st.booleans(),
        restores=st.sampled_from([True, True, False]),
    )
    def start(self, sequences: int, host_cache_bytes: int, reuse: bool, fills_up: bool, restores: bool) -> None:
        self.machine = Machine(
            _files[self.architecture],
            sequences=sequences,
            host_cache_bytes=host_cache_bytes,
            reuse=reuse,
            fills_up=fills_up,
            layout=self.layout,
        )
        if not restores:
            self.machine.fail_to_restore()

    def teardown(self) -> None:
        if hasattr(self, "machine"):
            self.machine.close()

    @rule(prompts=st.lists(PROMPTS, min_size=1, max_size=4))
    def pass_through(self, prompts: list[list[int]]) -> None:
        """As most requests do."""
        for tokens in prompts:
            self._end(self._open(tokens), self.machine.cache.close)

    @rule(target=held, tokens=PROMPTS)
    def open(self, tokens: list[int]) -> Any:
        return self._open(tokens)

    def _open(self, tokens: list[int]) -> CachedSequence:
        """Opened and read to the end."""
        machine = self.machine
        if len(machine.live) == machine.most:
            self._end(machine.live[0], machine.cache.close)
        held = machine.open(tokens)
        assert held is not None
        logits = machine.extend(held, tokens[len(held.tokens) :])
        if logits is None:
            assert len(tokens) - len(held.tokens) > machine.room(held)
        else:
            self._compare(logits, tokens)
        return held

    @rule(held=held, tokens=LETTERS)
    def extend(self, held: CachedSequence, tokens: list[int]) -> None:
        self._extend(held, tokens)

    @rule(target=held, held=held, tokens=LETTERS)
    def fork(self, held: CachedSequence, tokens: list[int]) -> Any:
        if held not in self.machine.live or not held.tokens or len(self.machine.live) == self.machine.most:
            return multiple()
        copy = self.machine.cache.fork(held)
        assert copy is not None
        self.machine.live.append(copy)
        assert copy.tokens == held.tokens
        self._extend(copy, tokens)
        return copy

    @rule(held=held, tokens=LETTERS)
    def extend_shared(self, held: CachedSequence, tokens: list[int]) -> None:
        """Tokens decoded once for several sequences, as scoring does."""
        machine, room = self.machine, self.machine.cache.available
        able = machine.cache.forks and machine.cache.pooled
        if held not in machine.live or not able or len(tokens) > room or not held.tokens:
            return
        forks = [fork for _ in range(3) if (fork := machine.cache.fork(held)) is not None]
        machine.live += forks
        for token in tokens if forks else ():
            assert machine.cache.make_room(1)
            machine.context.batch.add_shared([fork.id for fork in forks], len(forks[0].tokens), token)
            logits = machine.context.decode()
            machine.cache.extend_shared(forks, [token])
        if forks:
            self._compare(logits[-1], forks[0].tokens)
        for fork in forks:
            machine.live.remove(fork)
            machine.cache.drop(fork)

    @rule(held=held, share=st.floats(0, 1), tokens=LETTERS)
    def trim(self, held: CachedSequence, share: float, tokens: list[int]) -> None:
        machine = self.machine
        length = int(len(held.tokens) * share)
        if held not in machine.live or not machine.cache._can_end(held, length):
            return
        assert machine.cache.trim(held, length)
        self._extend(held, tokens)

    @rule(chosen=st.sets(st.integers(0, 2), min_size=1), token=st.integers(300, 303), steps=st.integers(1, 3))
    def decode_together(self, chosen: set[int], token: int, steps: int) -> None:
        """One token each, as a step of several requests does; rows are brought together if it happens again."""
        machine = self.machine
        together = [held for place, held in enumerate(machine.live) if place in chosen]
        for _ in range(steps):
            if not together or min(map(machine.room, together)) < len(together):
                return
            assert machine.cache.make_room(len(together))
            machine.cache.gather(together)
            machine.check()
            for held in sorted(together, key=lambda held: held.id):
                machine.context.batch.add_one(held.id, len(held.tokens), token)
            logits = np.array(machine.context.decode())
            for held, row in zip(sorted(together, key=lambda held: held.id), logits, strict=True):
                machine.cache.extend_one(held, token)
                self._compare(row, held.tokens)

    @rule(held=consumes(held))
    def close(self, held: CachedSequence) -> None:
        self._end(held, self.machine.cache.close)

    @rule(held=consumes(held))
    def drop(self, held: CachedSequence) -> None:
        self._end(held, self.machine.cache.drop)

    @rule(cells=st.integers(0, 300))
    def make_room(self, cells: int) -> None:
        cache = self.machine.cache
        possible = cells <= cache.available
        assert cache.make_room(cells) is possible
        if possible:
            assert cache.free >= cells

    @invariant()
    def agrees(self) -> None:
        if hasattr(self, "machine"):
            self.machine.check()

    def _extend(self, held: CachedSequence, tokens: list[int]) -> None:
        machine = self.machine
        if held not in machine.live:
            return
        before, room = list(held.tokens), machine.room(held)
        logits = machine.extend(held, tokens)
        if logits is None:
            assert len(tokens) > room
            assert held.tokens == before
        else:
            assert held.tokens == before + tokens
            self._compare(logits, held.tokens)

    def _compare(self, logits: npt.NDArray[Any], tokens: Sequence[int]) -> None:
        expected = self.machine.from_scratch(tokens)
        np.testing.assert_allclose(logits, expected, atol=self.rounding, rtol=self.rounding)

    def _end(self, held: CachedSequence, how: Any) -> None:
        if held in self.machine.live:
            self.machine.live.remove(held)
            how(held)


class RowsLedger(Ledger):
    layout = "rows"


class WindowedLedger(Ledger):
    architecture = "windowed"
    rounding = 3e-3  # gemma's activation function is a table of 16-bit numbers


class RecurrentLedger(Ledger):
    architecture = "recurrent"


class HybridLedger(Ledger):
    architecture = "hybrid"


_some = settings(
    max_examples=12,
    stateful_step_count=40,
    deadline=None,
    derandomize=True,
    phases=(Phase.generate,),
    suppress_health_check=list(HealthCheck),
)
for _ledger in (Ledger, RowsLedger, WindowedLedger, RecurrentLedger, HybridLedger):
    _ledger.TestCase.settings = _some

TestAttention = Ledger.TestCase
TestRows = RowsLedger.TestCase
TestWindowed = pytest.mark.slow(WindowedLedger.TestCase)
TestRecurrent = pytest.mark.slow(RecurrentLedger.TestCase)
TestHybrid = pytest.mark.slow(HybridLedger.TestCase)


@pytest.fixture
def machine(files: dict[str, Path]) -> Iterator[Machine]:
    """With four sequence numbers and 256 cells."""
    machine = Machine(files["attention"], sequences=1, host_cache_bytes=1 << 20, reuse=True)
    yield machine
    machine.close()


class TestHostCache:
    def test_what_had_to_leave_comes_back(self, machine: Machine) -> None:
        for stem in STEMS:
            read(machine, stem, close=True)
        held = machine.open([*STEMS[0][:100], 7, 7])
        assert held is not None
        assert len(held.tokens) == 100
        assert machine.context.host_cache is not None
        assert machine.context.host_cache.restored == 1
        machine.check()

    def test_what_leaves_to_make_room_does_not_displace_what_comes_back(self, machine: Machine) -> None:
        assert machine.context.host_cache is not None
        for stem in STEMS[:2]:
            read(machine, stem, close=True)
        assert list(machine.context.host_cache._states) == [tuple(STEMS[0])]
        machine.context.host_cache._budget = machine.context.host_cache.bytes  # room for one
        held = read(machine, [*STEMS[0], 7], close=True)
        assert machine.context.host_cache.restored == 1
        assert list(machine.context.host_cache._states) == [tuple(STEMS[1])]
        assert len(held.tokens) == 151

    def test_a_state_that_llama_cpp_cannot_take_is_read_again(self, machine: Machine) -> None:
        """And a shorter beginning that was in the cache is not used any more, if it had to leave for it."""
        assert machine.context.host_cache is not None
        for tokens in (STEMS[0], STEMS[1], [*STEMS[0][:10], 7], STEMS[1]):
            read(machine, tokens, close=True)
        machine.fail_to_restore()
        read(machine, [*STEMS[0], 7])
        assert machine.context.host_cache.restored == 0

    def test_short_sequences_are_not_swapped_out(self, machine: Machine) -> None:
        read(machine, STEMS[0][:50], close=True)
        read(machine, STEMS[1], close=True)
        assert machine.cache.make_room(256)
        assert machine.context.host_cache is not None
        assert list(machine.context.host_cache._states) == [tuple(STEMS[1])]


def test_without_a_number_left_the_source_itself_is_cut(machine: Machine) -> None:
    live = [read(machine, [token]) for token in (5, 6, 7)]
    idle = read(machine, STEMS[0], close=True)
    assert machine.cache.evicted == 0
    held = read(machine, [*STEMS[0][:30], 9])
    assert held is idle
    assert machine.cache.fork(held) is None
    assert machine.cache.open(STEMS[0], 149) is None
    assert len(live) == 3


def test_the_cells_needed_include_all_that_comes_back(machine: Machine) -> None:
    """Also for what a live sequence holds: a state that was swapped out is no fork of it."""
    read(machine, STEMS[0][:20])
    read(machine, [*STEMS[0], *[7] * 10], close=True)
    machine.cache.make_room(machine.cache.available)
    assert machine.context.host_cache is not None
    assert len(machine.context.host_cache) == 1
    held = machine.open([*STEMS[0][:100], 7])  # which compares what it takes with what was needed
    assert held is not None
    assert len(held.tokens) == 100


def test_the_cells_needed_include_what_only_idle_sequences_hold(machine: Machine) -> None:
    read(machine, STEMS[0][:100], close=True)
    assert machine.cache.cells_needed(STEMS[0], 149) == 150
    read(machine, [*STEMS[0][:60], 7])
    assert machine.cache.cells_needed(STEMS[0], 149) == 90


def test_nothing_is_extended_by_nothing(machine: Machine) -> None:
    held = read(machine, STEMS[0])
    machine.cache.extend(held, [])
    machine.check()
