"""A KV cache in rows: sequences that decode together are brought together."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from agentnet.models.llama.states import SequenceStates
from tests.models.llama.cache_machine import STEMS, Machine, read


@pytest.fixture
def machine(random_file: Path) -> Iterator[Machine]:
    """With eight rows of 256 cells."""
    machine = Machine(random_file, sequences=4, host_cache_bytes=0, reuse=True, layout="rows")
    yield machine
    machine.close()


def test_rows_that_decode_together_are_made_neighbours(machine: Machine) -> None:
    """Whatever lies between them, an idle sequence or nothing, changes places with one of them."""
    beginnings = (STEMS[0][:30], STEMS[1][:40], STEMS[2][:50], STEMS[0][9:29], STEMS[1][9:69])
    first, between, third, _, last = (read(machine, tokens) for tokens in beginnings)
    machine.live.remove(between)
    machine.cache.close(between)
    together = [first, third, last]
    for expected in ([0, 2, 4], [0, 1, 2]):
        machine.cache.gather(together)
        assert sorted(held.id for held in together) == expected
        machine.check()
    for held in (*together, read(machine, [*STEMS[1][:40], 9])):
        logits = machine.extend(held, [300])
        np.testing.assert_allclose(logits, machine.from_scratch(held.tokens), atol=1e-4, rtol=1e-4)


def test_others_stay_where_they_are(machine: Machine) -> None:
    """As long as they are neighbours, or decode together only once."""
    held = [read(machine, stem[:30]) for stem in STEMS]
    for together in (held, held[:2], [held[0], held[2]], held[1:], [held[0], held[2]]):
        machine.cache.gather(together)
        assert [sequence.id for sequence in held] == [0, 1, 2]


def test_a_row_that_cannot_be_moved_is_read_again(machine: Machine, monkeypatch: pytest.MonkeyPatch) -> None:
    held = [read(machine, stem[:30]) for stem in STEMS]
    monkeypatch.setattr(SequenceStates, "write", lambda *_: False)
    for _ in range(2):
        machine.cache.gather([held[0], held[2]])
    machine.check()
    assert [len(sequence.tokens) for sequence in held] == [30, 0, 0]
    assert machine.cache.fork(held[0]) is None
    machine.check()


def test_a_step_is_filled_up_in_the_next_row(machine: Machine) -> None:
    """Be it empty or held by another sequence, which keeps its tokens."""
    machine.context.fills_up = True
    held = [read(machine, stem[:30]) for stem in (*STEMS, STEMS[0][9:])]
    for together, filled in ((held[:3], 1), (held[1:], 1), ([held[0], held[1], held[3]], 0)):
        for sequence in together:
            machine.context.batch.add_one(sequence.id, len(sequence.tokens), 300)
        logits = np.array(machine.context.decode())
        assert machine.context.filled == filled
        for sequence, row in zip(together, logits, strict=True):
            machine.cache.extend_one(sequence, 300)
            np.testing.assert_allclose(row, machine.from_scratch(sequence.tokens), atol=1e-4, rtol=1e-4)
        machine.check()
