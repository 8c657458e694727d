"""Many requests on one set of weights: what is shared, who waits for whom, and what an error leaves behind."""

from __future__ import annotations

import asyncio
import threading
from pathlib import Path
from typing import Any

import pytest

from agentnet.contracts.sampling import Sampling
from agentnet.errors import ContextOverflow, ModelError
from agentnet.models.base import Completion, Request
from agentnet.models.llama import LlamaModel, backend, engine
from agentnet.zoo import catalog
from agentnet.zoo.families import FAMILIES
from agentnet.zoo.families.base import distinct
from tests.models.llama.architectures import write_recurrent
from tests.models.llama.conftest import Open
from tests.models.llama.files import SIZE, letter, write_chain

LONG = "The long beginning that everybody has read before, word for word. " * 3
TURNING = "abcdefghijklmnopqrstuvwxyz"


def ask(text: str, tokens: int = 12, **more: Any) -> Request:
    settings = {name: more.pop(name) for name in list(more) if name in Sampling.model_fields}
    return Request(({"role": "user", "content": text},), Sampling(max_tokens=tokens, **settings), **more)


async def all_of(model: LlamaModel, *requests: Request) -> list[Completion]:
    return list(await asyncio.gather(*map(model.generate, requests)))


@pytest.fixture(params=["pool", "rows"])
def layout(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(scope="module")
def alphabet(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Says the letters in a ring for ever, with gaps so wide that no rounding matters; starts behind ``>`` with a."""
    ring = {letter(one): {letter(other): 20.0} for one, other in zip(TURNING, TURNING[1:] + "a", strict=True)}
    ring[letter(">")] = {letter("a"): 20.0}
    return write_chain(tmp_path_factory.mktemp("ring") / "ring.gguf", ring)


class TestBatches:
    async def test_trained_models_say_in_a_batch_what_they_say_alone(self) -> None:
        found = distinct(FAMILIES["math"], "test", 3, 40)
        asked = [ask(f"{item.question}\nsolve", 120) for item in found]
        path = catalog.path("math")
        spec = catalog.network().agents[0].model
        batched = LlamaModel(path, spec.model_copy(update={"sequences": 8, "reuse_prefix": True}))
        alone = LlamaModel(path, spec.model_copy(update={"sequences": 1, "reuse_prefix": False}))
        texts = [reply.text for reply in await all_of(batched, *asked)]
        assert texts == [(await alone.generate(request)).text for request in asked]
        assert batched.stats.steps < alone.stats.steps / 3
        await asyncio.gather(batched.close(), alone.close())

    async def test_each_sequence_has_its_own_grammar_stop_strings_and_limit(
        self, opened: Open, random_file: Path
    ) -> None:
        model = opened(random_file, context=512)
        schemas = [{"enum": [word]} for word in ("one", "two", "three")]
        held = [ask("x", 40, schema=schema) for schema in schemas]
        *fixed, short, long = await all_of(model, *held, ask("y", 3), ask("y", 30))
        assert [reply.text for reply in fixed] == ['"one"', '"two"', '"three"']
        assert (short.usage.completion_tokens, long.usage.completion_tokens) == (3, 30)
        assert long.text.startswith(short.text)

    async def test_more_requests_than_sequences_are_all_served(self, opened: Open, alphabet: Path) -> None:
        replies = await all_of(opened(alphabet, sequences=3), *(ask("x" * n, n + 1) for n in range(20)))
        assert [reply.text for reply in replies] == [(TURNING * 2)[: n + 1] for n in range(20)]

    async def test_one_at_a_time_and_nothing_kept_is_bit_equal_whatever_ran_before(
        self, opened: Open, random_file: Path
    ) -> None:
        model = opened(random_file, sequences=1, reuse_prefix=False)
        first = await model.generate(ask("same", 30, logprobs=True))
        await all_of(model, ask("other" * 20, 30), ask("sam", 5, temperature=1.0, seed=1))
        again = (await all_of(model, ask("z"), ask("same", 30, logprobs=True)))[1]
        assert (first.text, first.logprobs) == (again.text, again.logprobs)


class TestSharing:
    async def test_agents_that_start_together_read_their_common_beginning_once(
        self, opened: Open, random_file: Path
    ) -> None:
        model = opened(random_file)
        replies = await all_of(model, *(ask(f"{LONG}{end}", 1) for end in "abcd"))
        tail = len("a\n>")
        common = model.count_tokens(ask(f"{LONG}a")) - tail
        assert model.stats.evaluated_tokens == common + 4 * tail
        assert sorted(reply.usage.reused_tokens for reply in replies) == [0, common, common, common]

    async def test_what_was_read_is_not_read_again_in_the_next_round(self, opened: Open, random_file: Path) -> None:
        model = opened(random_file)
        await all_of(model, *(ask(f"{LONG}{end}", 1) for end in "ab"))
        before = model.stats.evaluated_tokens
        reply = await model.generate(ask(f"{LONG}a, and more", 1))
        assert model.stats.evaluated_tokens - before == len(", and more\n>")
        assert reply.usage.reused_tokens == reply.usage.prompt_tokens - len(", and more\n>")

    async def test_sharing_does_not_change_what_is_said(self, opened: Open, random_file: Path) -> None:
        asked = [ask(f"{LONG}{end}", 4, logprobs=True) for end in "abcdefgh"]
        together = await all_of(opened(random_file), *asked)
        lone = opened(random_file, sequences=1, reuse_prefix=False)
        for request, reply in zip(asked, together, strict=True):
            alone = await lone.generate(request)
            assert reply.logprobs is not None
            assert alone.logprobs is not None
            assert reply.logprobs[0] == pytest.approx(alone.logprobs[0], abs=0.01)

    async def test_what_left_the_cache_comes_back_from_memory(self, opened: Open, random_file: Path) -> None:
        model = opened(random_file, cache_tokens=512, context=512, cache_layout="pool")
        first = await model.generate(ask(LONG, 2, logprobs=True))
        for other in "xyz":
            await model.generate(ask(other * 300, 2))
        again = await model.generate(ask(LONG, 2, logprobs=True))
        assert model.stats.restored == 1
        assert again.usage.reused_tokens == again.usage.prompt_tokens - 1
        assert again.logprobs == pytest.approx(first.logprobs, abs=0.01)

    async def test_without_memory_for_it_nothing_is_swapped_out(self, opened: Open, random_file: Path) -> None:
        model = opened(random_file, cache_tokens=512, context=512, parked_mib=0, sequences=1)
        for text in (LONG, "x" * 300, "y" * 300, "z" * 300, LONG):
            await model.generate(ask(text, 2))
        assert (model.stats.restored, model.stats.evicted > 0) == (0, True)

    async def test_a_recurrent_model_goes_on_from_whole_sequences_only(self, opened: Open, tmp_path: Path) -> None:
        bare = "{% for message in messages %}{{ message.content }}{% endfor %}"
        model = opened(write_recurrent(tmp_path / "m.gguf"), chat_template=bare, sequences=3)
        lone = opened(tmp_path / "m.gguf", chat_template=bare, sequences=1, reuse_prefix=False)
        asked = [ask(text, 8, logprobs=True) for text in ("one beginning", "one begin", "other", "one")]
        for request, reply in zip(asked, await all_of(model, *asked), strict=True):
            assert reply.logprobs == pytest.approx((await lone.generate(request)).logprobs, abs=0.02)
        whole = await model.generate(ask("one more", 1))
        longer = await model.generate(ask("one more, and on", 3))
        assert longer.usage.reused_tokens == whole.usage.prompt_tokens
        assert (await model.generate(ask("one mo", 3))).usage.reused_tokens == 0


class TestQueue:
    async def test_who_is_more_urgent_is_served_first_and_nobody_waits_for_ever(
        self, opened: Open, alphabet: Path
    ) -> None:
        model = opened(alphabet, sequences=1)
        order: list[int] = []

        async def one(number: int, priority: int) -> None:
            await model.generate(ask("x", 3, priority=priority))
            order.append(number)

        await asyncio.gather(*(one(number, priority) for number, priority in enumerate((0, 0, 1, -1, 2, 0))))
        assert order == [4, 2, 0, 1, 5, 3]

    async def test_a_long_prompt_does_not_stop_those_who_write(self, opened: Open, alphabet: Path) -> None:
        model = opened(alphabet, context=512, batch=512)
        said: list[str] = []
        read = asyncio.Event()

        async def write() -> None:
            async for chunk in model.stream(ask("x", 200)):
                said.append(chunk.text)
                if len(said) == 20:
                    read.set()

        writing = asyncio.create_task(write())
        await read.wait()
        steps = model.stats.steps
        await model.generate(ask("y" * 480, 1))
        assert model.stats.steps - steps >= 4  # 480 tokens in chunks of 128, each beside a token of the writer
        await writing
        assert len("".join(said)) > 100

    async def test_a_full_engine_lets_callers_wait_at_its_door(
        self, opened: Open, alphabet: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(engine, "MOST_INSIDE", 2)
        model = opened(alphabet)
        tasks = [asyncio.create_task(model.generate(ask("x", 5))) for _ in range(9)]
        tasks[5].cancel()
        found = await asyncio.gather(*tasks, return_exceptions=True)
        assert [isinstance(reply, Completion) for reply in found] == [n != 5 for n in range(9)]

    async def test_requests_whose_neighbours_are_done_go_on(self, opened: Open, alphabet: Path) -> None:
        model = opened(alphabet, context=512)
        limits = [150, 20, 60, 5, 150, 100]
        replies = await all_of(model, *(ask(f"{limit} {place}", limit) for place, limit in enumerate(limits)))
        assert [reply.text for reply in replies] == [(TURNING * 6)[:limit] for limit in limits]
        prompts = sum(reply.usage.prompt_tokens for reply in replies)
        assert model.stats.evaluated_tokens <= prompts + sum(limits)

    async def test_requests_that_outgrow_the_cache_make_room_and_go_on(self, opened: Open, alphabet: Path) -> None:
        model = opened(alphabet, context=512, cache_tokens=512, cache_layout="pool")
        replies = await all_of(model, *(ask("x" * 40, 150) for _ in range(6)))
        assert {reply.text for reply in replies} == {(TURNING * 6)[:150]}
        assert model.stats.preempted > 0

    async def test_a_cancelled_request_frees_its_place_at_once(self, opened: Open, alphabet: Path) -> None:
        model = opened(alphabet, sequences=1)
        task = asyncio.create_task(model.generate(ask("x", 400)))
        while model.stats.steps < 5:
            await asyncio.sleep(0.001)
        task.cancel()
        await asyncio.wait([task])
        steps = model.stats.steps
        assert (await model.generate(ask("y", 3))).text == "abc"
        assert model.stats.steps < steps + 50

    async def test_several_event_loops_use_one_model(self, opened: Open, alphabet: Path) -> None:
        model = opened(alphabet)
        texts: list[str] = []

        def use(number: int) -> None:
            texts.append(asyncio.run(model.generate(ask("x" * number, 10))).text)

        threads = [threading.Thread(target=use, args=(number,)) for number in range(6)]
        for thread in threads:
            thread.start()
        await asyncio.to_thread(lambda: [thread.join() for thread in threads])
        assert texts == ["abcdefghij"] * 6


class TestFailures:
    async def test_a_step_that_fails_is_tried_again(
        self, opened: Open, alphabet: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        model = opened(alphabet)
        self.fail_decoding(monkeypatch, times=1)
        replies = await all_of(model, *(ask("x" * n, 20) for n in range(1, 5)))
        assert {reply.text for reply in replies} == {TURNING[:20]}

    async def test_one_that_keeps_failing_is_an_error_and_the_engine_lives_on(
        self, opened: Open, alphabet: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        model = opened(alphabet)
        restore = self.fail_decoding(monkeypatch, times=10**6)
        with pytest.raises(ModelError, match="could not decode"):
            await model.generate(ask("x"))
        restore()
        assert (await model.generate(ask("x", 3))).text == "abc"

    async def test_a_broken_engine_tells_everybody_who_waits(
        self, opened: Open, alphabet: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        model = opened(alphabet, sequences=2)

        def broken(_: object) -> None:
            raise RuntimeError("no more")

        monkeypatch.setattr("agentnet.models.llama.scheduler.Scheduler._fill_batch", broken)
        found = await asyncio.gather(*(model.generate(ask("x")) for _ in range(5)), return_exceptions=True)
        assert all(isinstance(error, ModelError) and "RuntimeError: no more" in str(error) for error in found)
        with pytest.raises(ModelError, match="closed"):
            await model.generate(ask("x"))

    async def test_a_prompt_beyond_the_context_is_refused_and_one_that_fills_it_is_not(
        self, opened: Open, alphabet: Path
    ) -> None:
        model = opened(alphabet, context=256, cache_tokens=256)
        frame = model.count_tokens(ask(""))
        with pytest.raises(ContextOverflow, match="the prompt has 256 tokens, the context 256"):
            await model.generate(ask("x" * (256 - frame)))
        full = await all_of(model, *(ask("x" * (250 - frame), 50) for _ in range(3)))
        assert [(reply.text, reply.finish) for reply in full] == [("abcdef", "length")] * 3

    @staticmethod
    def fail_decoding(monkeypatch: pytest.MonkeyPatch, times: int) -> Any:
        llama = backend.library()
        real, left = llama.llama_decode, times

        def decode(*arguments: Any) -> int:
            nonlocal left
            left -= 1
            return -3 if left >= 0 else int(real(*arguments))

        monkeypatch.setattr(llama, "llama_decode", decode)
        return lambda: monkeypatch.setattr(llama, "llama_decode", real)


def test_the_ring_fits_the_vocabulary() -> None:
    assert max(map(letter, TURNING)) < SIZE
