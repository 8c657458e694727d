"""The token loop, on models whose next-token probabilities the tests wrote themselves."""

from __future__ import annotations

import asyncio
import json
import math
from pathlib import Path
from typing import Any

import pytest

from agentnet.contracts.sampling import Sampling
from agentnet.errors import ContextOverflow, ModelError, SchemaUnsupported
from agentnet.models.base import Request
from tests.models.llama.conftest import SAID, Open
from tests.models.llama.files import END, SIZE, TURN, letter, path_through, tokens_of, write_chain

PICK = {"type": "object", "properties": {"pick": {"enum": ["left", "right"]}}, "required": ["pick"]}
FORK = {"A": 3.0, "B": 2.0, "C": 1.0}


def ask(text: str = "hi", schema: Any = None, logprobs: bool = False, **sampling: Any) -> Request:
    settings = Sampling.model_validate({"max_tokens": 60, **sampling})
    return Request(({"role": "user", "content": text},), settings, schema=schema, logprobs=logprobs)


@pytest.fixture(scope="module")
def fork_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Behind the prompt A, B or C with known logits, then the end; every other token has the logit 0."""
    first = {letter(character): logit + 10 for character, logit in FORK.items()}
    ends = {letter(character): {TURN: 30.0} for character in FORK}
    return write_chain(tmp_path_factory.mktemp("fork") / "fork.gguf", {letter(">"): first, **ends})


class TestText:
    async def test_characters_of_several_tokens_come_whole(self, opened: Open, chain_file: Path) -> None:
        model = opened(chain_file)
        chunks = [chunk async for chunk in model.stream(ask())]
        assert [chunk.text for chunk in chunks if chunk.text] == list(SAID)
        last = chunks[-1].completion
        assert last is not None
        assert (last.text, last.finish) == (SAID, "stop")
        assert last.usage.completion_tokens == len(SAID.encode()) + 1

    @pytest.mark.parametrize("end", [END, TURN])
    async def test_every_end_token_ends_a_reply(self, opened: Open, tmp_path: Path, end: int) -> None:
        done = await opened(write_chain(tmp_path / "end.gguf", path_through(*tokens_of("xyz"), end))).generate(ask())
        assert (done.text, done.finish) == ("xyz", "stop")

    @pytest.mark.parametrize("stop", ["ñ", "ñb😀", "b", "c", "😀c"])
    async def test_stop_strings_across_tokens_are_never_emitted(
        self, opened: Open, chain_file: Path, stop: str
    ) -> None:
        model = opened(chain_file)
        chunks = [chunk async for chunk in model.stream(ask(stop=[stop, "never"]))]
        kept = SAID.split(stop)[0]
        assert "".join(chunk.text for chunk in chunks) == kept
        assert chunks[-1].completion is not None
        assert chunks[-1].completion.text == kept
        assert chunks[-1].completion.finish == "stop"

    async def test_the_beginning_of_a_stop_string_is_given_out_when_the_rest_does_not_come(
        self, opened: Open, chain_file: Path
    ) -> None:
        assert (await opened(chain_file).generate(ask(stop=["cd", "añbx"]))).text == SAID


class TestProbabilities:
    async def test_log_probabilities_are_exact_whatever_the_temperature(self, opened: Open, fork_file: Path) -> None:
        model = opened(fork_file)
        total = sum(math.exp(logit + 10) for logit in FORK.values()) + (SIZE - len(FORK))
        for settings in ({}, {"temperature": 2.0, "top_k": 3, "seed": 4}):
            done = await model.generate(ask(logprobs=True, **settings))
            assert done.logprobs is not None
            assert done.logprobs[0] == pytest.approx(FORK[done.text] + 10 - math.log(total), abs=1e-3)
            assert len(done.logprobs) == done.usage.completion_tokens == 2

    async def test_draws_follow_the_distribution(self, opened: Open, fork_file: Path) -> None:
        model = opened(fork_file)
        draws = [(await model.generate(ask(temperature=1.0, seed=seed))).text for seed in range(200)]
        weights = {character: math.exp(logit) for character, logit in FORK.items()}
        for character, weight in weights.items():
            share = weight / sum(weights.values())
            assert abs(draws.count(character) / len(draws) - share) < 4 * math.sqrt(share * (1 - share) / len(draws))

    @pytest.mark.parametrize(
        ("settings", "left"),
        [({"top_k": 1}, {"A"}), ({"top_k": 2}, {"A", "B"}), ({"top_p": 0.5}, {"A"}), ({"min_p": 0.3}, {"A", "B"})],
    )
    async def test_truncation_leaves_only_the_likeliest(
        self, opened: Open, fork_file: Path, settings: dict[str, float], left: set[str]
    ) -> None:
        model = opened(fork_file)
        draws = {(await model.generate(ask(temperature=1.0, seed=seed, **settings))).text for seed in range(60)}
        assert draws == left

    @pytest.mark.parametrize("seed", [0, 7, 2**32 - 1])
    async def test_a_seed_repeats_its_draws(self, opened: Open, random_file: Path, seed: int) -> None:
        model = opened(random_file, reuse_prefix=False)
        first, again = [await model.generate(ask(temperature=3.0, seed=seed)) for _ in range(2)]
        assert first.text == again.text

    async def test_without_a_seed_draws_differ(self, opened: Open, random_file: Path) -> None:
        model = opened(random_file)
        assert len({(await model.generate(ask(temperature=3.0))).text for _ in range(3)}) == 3


class TestContext:
    @pytest.mark.parametrize("context", [100, 256, 300])
    @pytest.mark.parametrize("batch", [1, 64, 512, 100_000])
    async def test_no_prompt_is_too_long_for_a_batch(
        self, opened: Open, chain_file: Path, context: int, batch: int
    ) -> None:
        model = opened(chain_file, context=context, batch=batch)
        assert model.capabilities.context == context
        frame = model.count_tokens(ask(""))
        done = await model.generate(ask("x" * (context - frame - 3)))
        assert (done.usage.prompt_tokens, done.usage.completion_tokens) == (context - 3, 3)
        assert (done.text, done.finish) == ("añ", "length")
        for more in (1, 500, 3000):
            with pytest.raises(ContextOverflow, match=f"{context - 1 + more} tokens, the context {context};"):
                await model.generate(ask("x" * (context - frame - 1 + more)))

    async def test_batches_do_not_change_what_is_read(self, opened: Open, random_file: Path) -> None:
        request = ask("The whole prompt matters to this model. " * 5, max_tokens=1, logprobs=True)
        whole = await opened(random_file).generate(request)
        pieces = await opened(random_file, batch=16).generate(request)
        assert whole.text == pieces.text
        assert whole.logprobs == pytest.approx(pieces.logprobs, abs=0.02)

    async def test_a_context_beyond_the_trained_one_is_noted(self, opened: Open, chain_file: Path) -> None:
        model = opened(chain_file, context=600)
        assert any("600 is longer than the 512" in note for note in model.notes)
        assert (await model.generate(ask("x" * 550))).finish == "stop"

    async def test_a_known_prefix_is_not_read_again(self, opened: Open, random_file: Path) -> None:
        model = opened(random_file)
        fresh = await model.generate(ask("one two three", logprobs=True))
        same = await model.generate(ask("one two three", logprobs=True))
        assert (fresh.usage.reused_tokens, same.usage.reused_tokens) == (0, same.usage.prompt_tokens - 1)
        assert same.logprobs is not None
        assert same.logprobs[0] == pytest.approx(fresh.logprobs[0] if fresh.logprobs else None, abs=0.02)
        other = await model.generate(ask("one two four"))
        assert other.usage.reused_tokens == model.count_tokens(ask("one two ")) - 2

    async def test_a_conversation_reuses_what_the_model_said(self, opened: Open, chain_file: Path) -> None:
        model = opened(chain_file, chat_template="{% for message in messages %}{{ message.content }}{% endfor %}>")
        first = await model.generate(ask("q"))
        request = Request((*ask("q").messages, {"role": "assistant", "content": ">" + first.text}), Sampling())
        second = await model.generate(request)
        assert second.usage.reused_tokens == first.usage.prompt_tokens + first.usage.completion_tokens - 1

    async def test_nothing_is_kept_where_nothing_shall_be(self, opened: Open, random_file: Path) -> None:
        model = opened(random_file, reuse_prefix=False)
        first = await model.generate(ask("one two three", logprobs=True))
        await model.generate(ask("one two four", temperature=1.0, seed=1))
        again = await model.generate(ask("one two three", logprobs=True))
        assert again.usage.reused_tokens == 0
        assert (again.text, again.logprobs) == (first.text, first.logprobs)


class TestSchemas:
    @pytest.mark.parametrize("temperature", [0.0, 1.5])
    async def test_a_schema_holds_a_model_that_knows_nothing(
        self, opened: Open, random_file: Path, temperature: float
    ) -> None:
        model = opened(random_file)
        for seed in range(5):
            done = await model.generate(ask(schema=PICK, temperature=temperature, top_k=3, seed=seed))
            assert json.loads(done.text)["pick"] in ("left", "right")
            assert done.finish == "stop"

    async def test_what_the_vocabulary_cannot_spell_is_an_error_and_not_a_crash(
        self, opened: Open, tmp_path: Path
    ) -> None:
        model = opened(write_chain(tmp_path / "ascii.gguf", path_through(*tokens_of("abc"), TURN), bytes_=False))
        with pytest.raises(SchemaUnsupported, match="vocabulary cannot spell"):
            await model.generate(ask(schema={"const": "é"}))
        assert (await model.generate(ask(schema={"const": "e"}))).text == '"e"'
        assert (await model.generate(ask())).text == "abc"


class TestConcurrency:
    async def test_a_cancelled_reply_ends_between_tokens(self, opened: Open, random_file: Path) -> None:
        model = opened(random_file, context=20_000)
        endless = ask(schema={"type": "array", "items": {"type": "integer"}, "minItems": 2000}, max_tokens=19_000)
        stream = model.stream(endless)
        assert (await anext(stream)).text == "["
        waiting = asyncio.create_task(model.generate(ask("next")))
        await stream.aclose()
        done = await asyncio.wait_for(waiting, 60)  # against hanging: the whole array takes far longer
        assert done.usage.calls == 1

    @pytest.mark.parametrize("read", [0, 1])
    async def test_a_stream_that_is_closed_early_leaves_no_task(
        self, opened: Open, random_file: Path, read: int
    ) -> None:
        """Nor does one that is cancelled while it waits for text."""
        model = opened(random_file, context=20_000)
        endless = ask(schema={"type": "array", "items": {"type": "integer"}, "minItems": 2000}, max_tokens=19_000)
        before = asyncio.all_tasks()
        closed = model.stream(endless)
        await anext(closed)
        await closed.aclose()
        assert asyncio.all_tasks() == before

        async def follow() -> None:
            async for _ in model.stream(endless):
                texts.release()

        texts = asyncio.Semaphore(0)
        task = asyncio.create_task(follow())
        for _ in range(read):
            await texts.acquire()
        await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert asyncio.all_tasks() == before

    async def test_a_request_that_waits_can_be_cancelled(self, opened: Open, random_file: Path) -> None:
        model = opened(random_file)
        first = asyncio.create_task(model.generate(ask()))
        second = asyncio.create_task(model.generate(ask("never")))
        await asyncio.sleep(0)
        second.cancel()
        assert (await first).usage.calls == 1
        with pytest.raises(asyncio.CancelledError):
            await second

    async def test_requests_side_by_side_do_not_mix(self, opened: Open, random_file: Path) -> None:
        model = opened(random_file, reuse_prefix=False)
        alone = [await model.generate(ask(f"number {i}", max_tokens=12)) for i in range(6)]
        together = await asyncio.gather(*(model.generate(ask(f"number {i}", max_tokens=12)) for i in range(6)))
        assert [done.text for done in together] == [done.text for done in alone]

    async def test_closing_breaks_off_what_runs_and_refuses_what_waits(self, opened: Open, random_file: Path) -> None:
        model = opened(random_file, context=20_000)
        endless = ask(schema={"type": "array", "items": {"type": "integer"}, "minItems": 2000}, max_tokens=19_000)
        stream = model.stream(endless)
        await anext(stream)
        waiting = asyncio.create_task(model.generate(ask()))
        await asyncio.sleep(0)
        await model.close()
        await model.close()
        with pytest.raises(ModelError, match="closed"):
            await waiting
        with pytest.raises(ModelError, match="closed"):
            [chunk async for chunk in stream]
        with pytest.raises(ModelError, match="closed"):
            await model.generate(ask())
        with pytest.raises(ModelError, match="closed"):
            model.count_tokens(ask())
