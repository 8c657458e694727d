"""Speculation: the text is the same as without it, and the models are asked less often."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agentnet.contracts.model_specs import LlamaSpec
from agentnet.contracts.protocols import Fuse
from agentnet.contracts.sampling import Sampling
from agentnet.errors import ModelError
from agentnet.fusion.loop import Fused, FusionLoop
from agentnet.fusion.members import LocalMember, Member
from agentnet.fusion.speculation import Speculation
from agentnet.fusion.speculation.pace import LONGEST_REST, MOST, Pace
from agentnet.fusion.strategies import STRATEGIES, strategy_of
from agentnet.models.base import Request
from agentnet.models.llama import LlamaModel
from agentnet.models.llama.vocabulary import Vocabulary
from agentnet.models.tokens import Argmax, Reading, WithOwn
from agentnet.zoo import catalog
from benchmarks.generated.vocabularies import open_vocabulary
from tests.fusion.conftest import Odd, member
from tests.fusion.vocabularies import Logits, Pretend, noise
from tests.models.llama.files import letter, write_chain

T = TypeVar("T")
GENERALISTS = ("atlas", "sage", "scout")
WAYS = [(strategy, level) for strategy in STRATEGIES for level in ("pieces", "bytes")]
AGREEING = [way for way in WAYS if way[1] == "pieces" or way[0] in ("pi", "gac", "max")]
"""Not the sums of raw logits, which a member that takes part by bytes has not."""


class Traced(Pretend):
    """A model without weights that evaluates sequences together, `most` of them, and counts how often it is asked."""

    def __init__(self, name: str, vocabulary: Vocabulary, logits: Logits, most: int = 99) -> None:
        super().__init__(name, vocabulary, logits)
        self.asked: Counter[str] = Counter()
        self._most = most
        self._fails = -1

    def fail(self, after: int) -> None:
        self._fails = after

    async def step(self, tokens: Sequence[int], reading: Reading[T]) -> T:
        self._count("step", 1)
        return await super().step(tokens, reading)

    async def trace(self, sequences: Sequence[Sequence[int]], reading: Reading[T]) -> list[T | None]:
        self._count("trace", len(sequences))
        read = [await super(Traced, self).step(tokens, reading) for tokens in sequences[: self._most]]
        return [*read, *[None] * (len(sequences) - len(read))]

    async def run_ahead(
        self, tokens: Sequence[int], reading: Reading[T], own: Argmax, count: int
    ) -> list[tuple[T, int]]:
        read = [await self.step(tokens, WithOwn(reading, own))]
        for _ in range(count):
            if self.vocabulary.ends(read[-1][1]):
                break
            tokens = [*tokens, read[-1][1]]
            read.append(await self.step(tokens, WithOwn(reading, own)))
        return read

    def _count(self, way: str, tokens: int) -> None:
        self.asked[way] += 1
        self.evaluated += tokens
        if self.asked.total() > self._fails >= 0:
            raise ModelError(f"{self.name} is gone")


@pytest.fixture(scope="module")
def vocabularies() -> Iterator[dict[str, Vocabulary]]:
    with ExitStack() as stack:
        yield {name: stack.enter_context(open_vocabulary(catalog.path(name))) for name in GENERALISTS}


def inclined(vocabulary: Vocabulary, seed: int, text: str, share: float) -> Logits:
    """A model that would mostly say a text, in its own tokens, and now and then something else."""
    whole = text.encode()
    spelled = [vocabulary.piece(token) for token in range(vocabulary.size)]
    ending = next(token for token in range(vocabulary.size) if vocabulary.ends(token))

    def logits(tokens: Sequence[int]) -> Any:
        draw = np.random.default_rng([seed, *tokens])
        row = draw.normal(0, 2, vocabulary.size)
        said = b"".join(spelled[token] for token in tokens)
        if whole.startswith(said) and draw.random() < share:
            rest = whole[len(said) :]
            fitting = [token for token in range(vocabulary.size) if spelled[token] and rest.startswith(spelled[token])]
            row[max(fitting, key=lambda token: (len(spelled[token]), token)) if rest else ending] += 12
        return row

    return logits


def sessions(vocabularies: dict[str, Vocabulary], logits: Callable[[Vocabulary, int], Logits]) -> list[Traced]:
    return [Traced(name, found, logits(found, seed)) for seed, (name, found) in enumerate(vocabularies.items())]


async def text_of(
    found: Sequence[Traced],
    strategy: str,
    level: str,
    *,
    speculate: bool,
    extra: Sequence[Member] = (),
    limit: int = 24,
    top: int = 1,
) -> Fused:
    members: list[Member] = [LocalMember(session.name, session) for session in found]
    if level == "bytes":
        members = [one.by_bytes() for one in members if isinstance(one, LocalMember)]
    members = [*members, *extra]
    fuse = Fuse.model_validate({"strategy": strategy, "level": level, "top": top})
    speculation = Speculation(members) if speculate else None
    return await FusionLoop(members, strategy_of(fuse, 7), limit=limit, speculation=speculation).decode()


def same(one: Fused, other: Fused) -> bool:
    """Whether two texts have the same pieces with the same provenance."""
    return (one.text, one.finish, one.choices, one.retokenized) == (
        other.text, other.finish, other.choices, other.retokenized,
    )  # fmt: skip


@pytest.mark.parametrize(("strategy", "level"), WAYS)
@given(seed=st.integers(0, 10**6), share=st.sampled_from([0.0, 0.6, 0.9, 1.0]), most=st.sampled_from([2, 99]))
@settings(max_examples=6, deadline=None)
async def test_whatever_is_drafted_the_text_and_its_provenance_are_the_same(
    vocabularies: dict[str, Vocabulary], strategy: str, level: str, seed: int, share: float, most: int
) -> None:
    """Of models that disagree all the time, that part now and then, and that agree; a text with half characters in it,
    since some vocabularies have bytes for what others have as one token."""
    text = "12 + 7 = 19, is né"

    def made() -> list[Traced]:
        found = sessions(vocabularies, lambda found, number: inclined(found, seed + number, text, share))
        for session in found:
            session._most = most
        return found

    top = 2 if strategy == "dk" else 1
    plain = await text_of(made(), strategy, level, speculate=False, top=top)
    traced = made()
    ahead = await text_of(traced, strategy, level, speculate=True, top=top)
    assert same(plain, ahead)
    assert ahead.evaluations == {session.name: session.asked.total() for session in traced}


@pytest.mark.parametrize(("strategy", "level"), AGREEING)
async def test_where_members_agree_they_are_asked_less_often(
    vocabularies: dict[str, Vocabulary], strategy: str, level: str
) -> None:
    text = "347+285: 7+5=12,4+8+1=13,3+2+1=6 => 632"
    plain, ahead = (sessions(vocabularies, lambda found, number: inclined(found, number, text, 1.0)) for _ in range(2))
    assert (await text_of(plain, strategy, level, speculate=False, limit=99)).text == text
    assert (await text_of(ahead, strategy, level, speculate=True, limit=99)).text == text
    asked = [sum(session.asked.total() for session in found) for found in (plain, ahead)]
    assert asked[1] <= 0.6 * asked[0]


@pytest.mark.parametrize("level", ["pieces", "bytes"])
async def test_where_members_keep_parting_little_is_asked_in_vain(
    vocabularies: dict[str, Vocabulary], level: str
) -> None:
    plain, ahead = (sessions(vocabularies, lambda found, number: noise(found, number)) for _ in range(2))
    one = await text_of(plain, "pi", level, speculate=False, limit=60)
    other = await text_of(ahead, "pi", level, speculate=True, limit=60)
    assert same(one, other)
    asked = [sum(session.asked.total() for session in found) for found in (plain, ahead)]
    assert asked[1] <= asked[0] + 8


async def test_a_drafter_that_fails_leaves_the_others_to_themselves(vocabularies: dict[str, Vocabulary]) -> None:
    text = "347+285: 7+5=12,4+8+1=13,3+2+1=6 => 632"
    found = sessions(vocabularies, lambda found, number: inclined(found, number, text, 1.0))
    found[0].fail(after=7)
    fused = await text_of(found, "pi", "pieces", speculate=True, limit=99)
    assert fused.text == text
    assert fused.dropped == {"atlas": "atlas is gone"}
    assert fused.evaluations["sage"] + fused.evaluations["scout"] < 0.8 * 2 * len(fused.choices)


async def test_a_member_without_logits_in_sight_is_asked_for_every_piece(vocabularies: dict[str, Vocabulary]) -> None:
    found = sessions(vocabularies, lambda found, number: inclined(found, number, "1 + 2 = 3", 1.0))
    server = Odd("server")
    fused = await text_of(found, "max", "pieces", speculate=True, extra=[server])
    assert fused.text == "1 + 2 = 3"
    assert server.asked == len(fused.choices)
    assert set(fused.evaluations) == set(GENERALISTS)


async def test_one_model_alone_has_nothing_to_speculate_about(vocabularies: dict[str, Vocabulary]) -> None:
    found = sessions(vocabularies, lambda found, number: inclined(found, number, "1 + 2 = 3", 1.0))[:1]
    fused = await text_of(found, "pi", "pieces", speculate=True)
    assert (fused.text, fused.evaluations) == ("1 + 2 = 3", {})
    assert set(found[0].asked) == {"step"}


@pytest.mark.parametrize(("strategy", "level"), AGREEING)
async def test_generalists_of_the_zoo_say_the_same_from_fewer_evaluations(
    zoo: Callable[[str], LlamaModel], strategy: str, level: str
) -> None:
    ask = Request(({"role": "user", "content": "What is 347 + 285?\nsolve"},), Sampling(max_tokens=60))
    texts = []
    for speculate in (False, True):
        members = [await member(zoo(name), name, ask) for name in GENERALISTS]
        if level == "bytes":
            members = [one.by_bytes() for one in members]
        speculation = Speculation(members) if speculate else None
        fuse = Fuse.model_validate({"strategy": strategy, "level": level})
        fused = await FusionLoop(members, strategy_of(fuse, 0), limit=60, speculation=speculation).decode()
        texts.append([choice.piece for choice in fused.choices])
    assert texts[0] == texts[1]
    assert sum(fused.evaluations.values()) <= 0.6 * 3 * max(map(len, (texts[1], members[0].tokens)))


@pytest.mark.parametrize("level", ["pieces", "bytes"])
async def test_a_text_that_fills_the_context_ends_where_it_does_without_drafts(tmp_path: Path, level: str) -> None:
    turn = {letter(one): {letter(other): 20.0} for one, other in [(">", "a"), ("a", "b"), ("b", "a")]}
    path = write_chain(tmp_path / "endless.gguf", turn, context=32)
    ask = Request(({"role": "user", "content": "?"},), Sampling(max_tokens=100))
    found = []
    for speculate in (False, True):
        model = LlamaModel(path, LlamaSpec(path=str(path), threads=1, context=32, sequences=2))
        members: list[Any] = [await member(model, name, ask) for name in ("one", "two")]
        members = [one.by_bytes() for one in members] if level == "bytes" else members
        speculation = Speculation(members) if speculate else None
        fused = await FusionLoop(
            members, strategy_of(Fuse(strategy="pi"), 0), limit=100, speculation=speculation
        ).decode()
        found.append((fused.text, fused.finish, set(fused.dropped)))
        await model.close()
    assert found[0] == found[1]


def test_a_draft_is_as_long_as_it_pays() -> None:
    pace = Pace()
    lengths = []
    for _ in range(4):
        pace.drafted()
        pace.continued()
        pace.finished()
        lengths.append(pace.length)
    assert lengths == sorted(lengths)
    assert lengths[-1] == MOST
    pace.drafted()
    for _ in range(3):
        pace.continued()
    pace.parted()
    assert (pace.length, pace.resting) == (3, False)
    rests = []
    for _ in range(12):
        pace.drafted()
        pace.parted()
        rest = 0
        while pace.resting:
            pace.passed()
            rest += 1
        rests.append(rest)
    assert pace.length == 0
    assert rests == sorted(rests)
    assert rests[-1] == LONGEST_REST
