"""Models that decode together: real ones of the zoo, and one that misbehaves."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from agentnet.contracts.model_specs import LlamaSpec
from agentnet.contracts.sampling import Sampling
from agentnet.errors import ModelError
from agentnet.fusion.byte_view import BYTES
from agentnet.fusion.byte_vocabulary import END
from agentnet.fusion.members import ByteMember, NotNow
from agentnet.fusion.strategies import DuetNet, Gated, Mean, Strategy, UniTE
from agentnet.fusion.tokenizer_view import tokenizer_view
from agentnet.models.base import Request
from agentnet.models.llama import LlamaModel
from agentnet.models.tokens import Row
from tests.fusion.conftest import ASK, Odd, member, together
from tests.models.llama.files import letter, write_chain


@pytest.mark.parametrize("name", ["atlas", "math", "sage", "scout", "symbols"])
@pytest.mark.parametrize("strategy", [Mean(), UniTE(), DuetNet(values="logprobs"), Gated(Mean())])
async def test_copies_say_what_the_model_says_alone(
    zoo: Callable[[str], LlamaModel], strategy: Strategy, name: str
) -> None:
    """Also where a vocabulary has two tokens for a character, one of them for its byte."""
    model = zoo(name)
    alone = await model.generate(ASK)
    fused = await together([await member(model, "one"), await member(model, "two")], strategy)
    assert (fused.text, fused.finish) == (alone.text, "stop")
    assert len(fused.choices) == alone.usage.completion_tokens
    assert fused.choices[-1].piece is END
    assert set(fused.usages) == {"one", "two"}
    assert fused.usages["one"].completion_tokens == alone.usage.completion_tokens - 1


async def test_models_with_different_tokenizers_solve_together(zoo: Callable[[str], LlamaModel]) -> None:
    many, few = await member(zoo("atlas"), "atlas"), await member(zoo("math"), "math")
    fused = await together([few, many], UniTE())
    assert fused.text.endswith("=> 632")
    assert many.retokenized + few.retokenized > 0
    for one in (many, few):
        assert b"".join(zoo(one.name)._vocabulary.piece(token) for token in one.tokens).decode() == fused.text


async def test_bytes_join_what_pieces_cannot(zoo: Callable[[str], LlamaModel]) -> None:
    """One model says " =>" in one token where the other says " " first: by pieces they part company there."""
    names = ("math", "atlas")
    by_pieces = await together([await member(zoo(name), name) for name in names])
    by_bytes = await together([(await member(zoo(name), name)).by_bytes() for name in names], limit=200)
    assert " =>" not in by_pieces.text[: by_pieces.text.index("632")]
    assert by_bytes.text.endswith(" => 632")


async def test_byte_by_byte_with_different_tokenizers(zoo: Callable[[str], LlamaModel]) -> None:
    members = [ByteMember(name, await zoo(name).open_session(ASK)) for name in ("math", "sage")]
    fused = await together(members, limit=200)
    assert fused.text.endswith("=> 632")
    assert all(choice.piece is END or len(choice.piece) == 1 for choice in fused.choices)
    assert all(one.given_up < 0.5 for one in members)


async def test_byte_level_probabilities_of_a_real_model_are_exact(zoo: Callable[[str], LlamaModel]) -> None:
    """Against every token sequence that spells a short text, for a tokenizer of byte pairs."""
    model = zoo("scout")
    session = await model.open_session(ASK)
    pieces, text = tokenizer_view(session).vocabulary, b"7 + 5"
    found = np.zeros(257)

    async def follow(tokens: list[int], said: bytes, probability: float) -> None:
        row = (await session.step(tokens, Row())).astype(np.float64)
        shares = np.exp(row - row.max())
        shares[list(pieces.silent)] = 0
        shares *= probability / shares.sum()
        rest = text[len(said) :]
        for token, share in enumerate(shares.tolist()):
            piece = pieces.piece(token)
            if piece is END:
                found[0] += share if not rest else 0.0
            elif piece.startswith(rest) and len(piece) > len(rest):
                found[1 + piece[len(rest)]] += share
            elif share and rest.startswith(piece):
                said_with = pieces.token(piece)
                assert said_with is not None
                await follow([*tokens, said_with], said + piece, share)

    await follow([], b"", 1.0)
    exact = ByteMember("scout", await model.open_session(ASK), negligible=0)
    await exact.append(text)
    view = await exact.view()
    probabilities = [view.probability(piece) for piece in BYTES]
    assert probabilities == pytest.approx((found / found.sum()).tolist(), abs=1e-4)
    assert sum(probabilities) == pytest.approx(1)


async def test_stop_strings_limits_and_provenance(zoo: Callable[[str], LlamaModel]) -> None:
    said: list[str] = []
    fused = await together(
        [await member(zoo("atlas"), "one"), await member(zoo("sage"), "two")],
        stop=["=>"],
        on_piece=lambda text, choice: said.append(text),
    )
    assert fused.finish == "stop"
    assert "=>" not in fused.text
    assert "".join(said) == fused.text
    assert all(set(choice.shares) <= {"one", "two"} and choice.score > 0 for choice in fused.choices)
    cut = await together([await member(zoo("atlas"), "one")], limit=3)
    assert (cut.finish, len(cut.choices)) == ("length", 3)


async def test_a_limit_is_in_tokens_also_where_bytes_are_agreed_on(zoo: Callable[[str], LlamaModel]) -> None:
    """What is held back for a stop string is not lost where the text is cut off."""
    alone = await zoo("planner").generate(ASK)
    limit = alone.usage.completion_tokens + 5
    fused = await together([(await member(zoo("planner"), "planner")).by_bytes()], limit=limit)
    assert (fused.finish, fused.choices[-1].piece) == ("stop", END)
    assert len(fused.text) > limit
    said: list[str] = []
    cut_off = (await member(zoo("planner"), "planner")).by_bytes()
    cut = await together([cut_off], limit=6, stop=[fused.text + "!"], on_piece=lambda text, _: said.append(text))
    assert (cut.finish, len(cut_off.tokens)) == ("length", 6)
    assert fused.text.startswith(cut.text)
    assert len(cut.text) > 6
    assert "".join(said) == cut.text


async def test_a_model_may_first_think_alone(zoo: Callable[[str], LlamaModel]) -> None:
    model = zoo("atlas")
    alone = (await model.generate(ASK)).text
    marker = "=>"
    thinking, other = await member(model, "thinking"), await member(model, "other")
    thought = await thinking.think(marker.encode(), 60)
    assert alone.startswith(thought.decode())
    assert marker in thought.decode()
    fused = await together([thinking])
    assert f"{thought.decode()} {fused.text}" == alone  # what it thought is no part of the text
    usage = fused.usages["thinking"]
    billed = (await model.generate(ASK)).usage
    assert usage.prompt_tokens == billed.prompt_tokens  # thoughts are no part of it
    assert usage.completion_tokens >= billed.completion_tokens - 1
    cut = await other.think(b"</think>", 2)
    assert cut.endswith(b"</think>")
    assert alone.encode().startswith(cut.removesuffix(b"</think>"))


def fails(*steps: int) -> Callable[[int], None]:
    def script(step: int) -> None:
        if step in steps:
            raise ModelError(f"step {step}")

    return script


async def test_who_fails_once_misses_a_piece_and_joins_again() -> None:
    steady, shaky = Odd("steady"), Odd("shaky", fails(2))
    fused = await together([steady, shaky], limit=5)
    assert [set(choice.shares) for choice in fused.choices] == [
        {"steady", "shaky"}, {"steady"}, *[{"steady", "shaky"}] * 3,
    ]  # fmt: skip
    assert shaky.heard == b"xxxx"
    assert fused.dropped == {}
    assert steady.closed
    assert shaky.closed


async def test_who_keeps_failing_is_dropped_and_the_text_goes_on() -> None:
    broken = Odd("broken", fails(*range(1, 99)))
    fused = await together([Odd("steady"), broken], limit=8)
    assert fused.text == "xxxxxxxx"
    assert fused.dropped == {"broken": "step 3"}
    assert broken.asked == 3


async def test_who_is_late_is_not_waited_for() -> None:
    gate = asyncio.Event()
    slow = Odd("slow", lambda step: gate.wait() if step == 2 else None)

    def heard(_: str, choice: Any) -> None:
        if len(choice.shares) == 1:
            gate.set()

    fused = await together([Odd("steady"), slow], limit=30, deadline=0.01, on_piece=heard)
    shares = [set(choice.shares) for choice in fused.choices]
    assert shares[0] == shares[-1] == {"steady", "slow"}
    assert {"steady"} in shares
    assert fused.text == "x" * 30


async def test_a_leader_that_fails_is_not_asked_twice_for_a_piece() -> None:
    leader, other = Odd("leader", fails(2)), Odd("other")
    fused = await together([leader, other], Gated(Mean(), sure=0.99), limit=4)
    both = {"leader", "other"}
    assert [set(choice.shares) for choice in fused.choices] == [both, {"other"}, both, both]
    assert leader.asked == 4


async def test_a_leader_that_is_late_is_waited_for_once() -> None:
    leader = Odd("leader", lambda step: asyncio.sleep(9))
    started = asyncio.get_running_loop().time()
    fused = await together([leader, Odd("other")], Gated(Mean(), sure=0.99), limit=1, deadline=0.2)
    assert set(fused.choices[0].shares) == {"other"}
    assert asyncio.get_running_loop().time() - started < 0.35


async def test_if_all_are_late_somebody_is_waited_for() -> None:
    slow = Odd("slow", lambda step: asyncio.sleep(0.03))
    assert (await together([slow], limit=2, deadline=0.001)).text == "xx"


async def test_who_was_late_is_heard_as_soon_as_it_is_ready() -> None:
    """It was done with its old question in between: it gets the new one at once, and misses no further piece."""
    gate = asyncio.Event()
    slow = Odd("slow", lambda step: gate.wait() if step == 2 else None)
    steady = Odd("steady", lambda step: let_go() if step == 3 else None)

    async def let_go() -> None:
        gate.set()
        await asyncio.sleep(0.02)

    fused = await together([steady, slow], limit=5, deadline=0.2)
    both = {"steady", "slow"}
    assert [set(choice.shares) for choice in fused.choices] == [both, {"steady"}, {"steady"}, both, both]
    assert slow.heard == b"xxxx"


async def test_if_nobody_can_go_on_with_half_a_character_it_is_an_error() -> None:
    """Rather than asking for ever."""

    def waits(step: int) -> None:
        if step > 1:
            raise NotNow("waits for the rest")

    half = Odd("half", waits)
    with pytest.raises(ModelError, match="waits for the rest"):
        await asyncio.wait_for(together([half, Odd("gone", fails(*range(1, 99)))]), 1)


@pytest.mark.parametrize("bytewise", [False, True])
async def test_a_text_that_fills_the_context_is_cut_off_there(tmp_path: Path, bytewise: bool) -> None:
    """As that of the model alone, which does without its last token; what was said is not lost."""
    turn = {letter(one): {letter(other): 20.0} for one, other in [(">", "a"), ("a", "b"), ("b", "a")]}
    path = write_chain(tmp_path / "endless.gguf", turn, context=32)
    model = LlamaModel(path, LlamaSpec(path=str(path), threads=1, context=32))
    ask = Request(({"role": "user", "content": "?"},), Sampling(max_tokens=100))
    alone = await model.generate(ask)
    one = await member(model, "one", ask)
    fused = await together([one.by_bytes() if bytewise else one], limit=100)
    assert (fused.text[:-1], fused.finish) == (alone.text, alone.finish)
    assert "do not fit into the context" in fused.dropped["one"]
    await model.close()


async def test_who_has_no_room_left_leaves_the_rest_to_the_others(tmp_path: Path) -> None:
    turn = {letter(one): {letter("x"): 20.0} for one in ">x"}
    path = write_chain(tmp_path / "endless.gguf", turn, context=32)
    model = LlamaModel(path, LlamaSpec(path=str(path), threads=1, context=32))
    small = await member(model, "small", Request(({"role": "user", "content": "?"},), Sampling(max_tokens=100)))
    steady = Odd("steady")
    fused = await together([small, steady], limit=50)
    assert (fused.text, set(fused.dropped)) == ("x" * 50, {"small"})
    await model.close()


async def test_logits_that_are_no_numbers_are_an_error(tmp_path: Path) -> None:
    path = write_chain(tmp_path / "broken.gguf", {letter(">"): {letter("x"): float("nan")}})
    model = LlamaModel(path, LlamaSpec(path=str(path), threads=1, context=64))
    ask = Request(({"role": "user", "content": "?"},), Sampling(max_tokens=100))
    for broken in (await member(model, "broken", ask), (await member(model, "broken", ask)).by_bytes()):
        fused = await together([Odd("steady"), broken], limit=9)
        assert fused.text == "x" * 9
        assert "not numbers" in fused.dropped["broken"]
    await model.close()


async def test_if_all_fail_it_is_an_error() -> None:
    broken = Odd("broken", fails(*range(1, 99)))
    with pytest.raises(ModelError, match="none of the models that decode together is left: step 3"):
        await together([broken])
    assert broken.closed
