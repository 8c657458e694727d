"""llama.cpp in process, on a real model of the zoo."""

from __future__ import annotations

import asyncio
import json
import math
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from agentnet.contracts.model_specs import LlamaSpec
from agentnet.contracts.sampling import Sampling
from agentnet.errors import ContextOverflow, ModelError, ModelFileError, SchemaUnsupported
from agentnet.models.base import Model, Request
from agentnet.models.llama import LlamaModel
from agentnet.models.pool import ModelPool
from agentnet.zoo import catalog

VERDICT = {
    "type": "object",
    "properties": {"reason": {"type": "string"}, "verdict": {"enum": ["approve", "disapprove"]}},
    "required": ["reason", "verdict"],
    "additionalProperties": False,
}


def ask(text: str, schema: dict[str, object] | None = None, logprobs: bool = False, **sampling: object) -> Request:
    settings = Sampling.model_validate({"max_tokens": 120, **sampling})
    return Request(({"role": "user", "content": text},), settings, schema=schema, logprobs=logprobs)


@pytest.fixture(scope="module")
def model() -> Iterator[LlamaModel]:
    path = catalog.path("math")
    opened = LlamaModel(path, LlamaSpec(path=str(path), reuse_prefix=False, sequences=1, threads=1))
    yield opened
    asyncio.run(opened.close())


class TestReplies:
    async def test_greedy_replies_repeat_exactly_whatever_ran_before(self, model: LlamaModel) -> None:
        first = await model.generate(ask("What is 12 + 7?\nsolve"))
        await model.generate(ask("What is 99 * 9?\nsolve", temperature=1.0, seed=3))
        again = await model.generate(ask("What is 12 + 7?\nsolve"))
        assert first.text == again.text
        assert first.text.endswith("=> 19")
        assert first.finish == "stop"

    async def test_a_seed_repeats_a_draw_and_seeds_differ(self, model: LlamaModel) -> None:
        draws = [
            (await model.generate(ask("Tell me\nsolve", temperature=2.0, seed=seed))).text for seed in (1, 1, 2, 3, 4)
        ]
        assert draws[0] == draws[1]
        assert len(set(draws)) > 1

    async def test_streamed_pieces_join_to_the_whole(self, model: LlamaModel) -> None:
        chunks = [chunk async for chunk in model.stream(ask("What is 347 + 285?\nsolve"))]
        assert chunks[-1].completion is not None
        assert "".join(chunk.text for chunk in chunks) == chunks[-1].completion.text
        assert len(chunks) > 5

    async def test_a_stop_string_ends_the_reply_and_is_not_part_of_it(self, model: LlamaModel) -> None:
        whole = await model.generate(ask("What is 12 + 7?\nsolve"))
        cut = await model.generate(ask("What is 12 + 7?\nsolve", stop=["=> "]))
        assert cut.text == whole.text.split("=> ")[0]
        assert cut.finish == "stop"

    async def test_max_tokens_cut_the_reply(self, model: LlamaModel) -> None:
        cut = await model.generate(ask("What is 347 + 285?\nsolve", max_tokens=5))
        assert cut.finish == "length"
        assert cut.usage.completion_tokens == 5

    async def test_usage_counts_prompt_and_reply(self, model: LlamaModel) -> None:
        request = ask("What is 12 + 7?\nsolve")
        done = await model.generate(request)
        assert done.usage.prompt_tokens == model.count_tokens(request) == len("What is 12 + 7?\nsolve") + 3
        assert done.usage.completion_tokens == len(done.text) + 1
        assert done.usage.calls == 1
        assert done.usage.reused_tokens == 0

    async def test_log_probabilities_are_those_of_the_chosen_tokens(self, model: LlamaModel) -> None:
        done = await model.generate(ask("What is 12 + 7?\nsolve", logprobs=True))
        assert done.logprobs is not None
        assert len(done.logprobs) == done.usage.completion_tokens
        assert all(value <= 1e-9 for value in done.logprobs)
        assert math.exp(sum(done.logprobs) / len(done.logprobs)) > 0.5
        assert done.tokens is not None
        assert b"".join(token.piece for token in done.tokens).decode() == done.text
        assert all(token.likeliest == () for token in done.tokens)
        assert (await model.generate(ask("What is 12 + 7?\nsolve"))).logprobs is None

    async def test_the_likeliest_tokens_in_place_of_each(self, model: LlamaModel) -> None:
        done = await model.generate(replace(ask("What is 12 + 7?\nsolve"), top_logprobs=5))
        assert done.logprobs is not None
        assert done.tokens is not None
        for logprob, token in zip(done.logprobs, done.tokens, strict=True):
            values = [value for _, value in token.likeliest]
            assert len(values) == 5
            assert values == sorted(values, reverse=True)
            assert token.likeliest[0] == (token.piece, logprob)  # greedy: the token itself is the likeliest
            assert sum(map(math.exp, values)) <= 1 + 1e-6

    async def test_parallel_requests_do_not_mix(self, model: LlamaModel) -> None:
        questions = [f"What is {number} + 5?\nsolve" for number in range(10, 22)]
        alone = [(await model.generate(ask(question))).text for question in questions]
        together = await asyncio.gather(*(model.generate(ask(question)) for question in questions))
        assert [done.text for done in together] == alone

    async def test_text_outside_the_training_alphabet_is_read_byte_by_byte(self, model: LlamaModel) -> None:
        request = ask("naïve 漢字 🙂\nsolve", max_tokens=8)
        assert model.count_tokens(request) > len("naïve 漢字 🙂\nsolve")
        assert (await model.generate(request)).usage.completion_tokens <= 8


class TestSchemas:
    async def test_a_schema_binds_a_model_that_never_saw_it(self, model: LlamaModel) -> None:
        for seed in range(5):
            done = await model.generate(
                ask("Any words\nsolve", VERDICT, temperature=0.8, top_k=8, seed=seed, max_tokens=400)
            )
            if done.finish == "stop":
                value = json.loads(done.text)
                assert value["verdict"] in ("approve", "disapprove")
                assert set(value) == {"reason", "verdict"}

    async def test_an_enum_leaves_only_its_words(self, model: LlamaModel) -> None:
        done = await model.generate(ask("What is 12 + 7?\nsolve", {"enum": ["A", "B", "C"]}))
        assert json.loads(done.text) in ("A", "B", "C")

    async def test_what_has_no_grammar_is_refused_with_its_reason(self, model: LlamaModel) -> None:
        with pytest.raises(SchemaUnsupported, match="JSON Schema"):
            await model.generate(ask("x", {"type": "object", "$ref": "https://example.invalid/schema.json"}))
        assert (await model.generate(ask("What is 12 + 7?\nsolve"))).text.endswith("=> 19")


class TestLimitsAndFailures:
    async def test_a_prompt_beyond_the_context_is_refused_with_both_numbers(self, model: LlamaModel) -> None:
        with pytest.raises(ContextOverflow, match=r"6\d\d tokens, the context 512"):
            await model.generate(ask("x" * 600))
        assert (await model.generate(ask("What is 12 + 7?\nsolve"))).text.endswith("=> 19")

    async def test_a_reply_is_cut_where_the_context_ends(self, model: LlamaModel) -> None:
        done = await model.generate(ask("x" * 500, {"type": "string", "minLength": 100}, max_tokens=300))
        assert done.finish == "length"
        assert done.usage.prompt_tokens + done.usage.completion_tokens == 512

    async def test_a_prompt_longer_than_a_batch_is_evaluated_in_pieces(self) -> None:
        path = catalog.path("math")
        model = LlamaModel(path, LlamaSpec(path=str(path), batch=16, reuse_prefix=False, sequences=1, threads=1))
        try:
            assert (await model.generate(ask("What is 12 + 7?\nsolve"))).text.endswith("=> 19")
        finally:
            await model.close()

    async def test_cancelling_stops_the_generation_and_leaves_the_model_usable(self, model: LlamaModel) -> None:
        schema = {"type": "string", "minLength": 400}
        task = asyncio.create_task(model.generate(ask("x\nsolve", schema, max_tokens=480)))
        await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert (await model.generate(ask("What is 12 + 7?\nsolve"))).text.endswith("=> 19")

    async def test_leaving_a_stream_early_frees_the_model(self, model: LlamaModel) -> None:
        stream = model.stream(ask("x\nsolve", {"type": "string", "minLength": 400}, max_tokens=480))
        async for _ in stream:
            break
        await stream.aclose()
        assert (await model.generate(ask("What is 12 + 7?\nsolve"))).text.endswith("=> 19")

    async def test_a_closed_model_says_so(self) -> None:
        path = catalog.path("math")
        model = LlamaModel(path, LlamaSpec(path=str(path), threads=1))
        await model.close()
        await model.close()
        with pytest.raises(ModelError, match="closed"):
            await model.generate(ask("x"))


async def test_a_shared_beginning_is_not_evaluated_again() -> None:
    path = catalog.path("math")
    model = LlamaModel(path, LlamaSpec(path=str(path), reuse_prefix=True, threads=1))
    try:
        first = await model.generate(ask("What is 12 + 7?\nsolve"))
        second = await model.generate(ask("What is 12 + 7?\nA: 20\nrevise"))
        assert first.usage.reused_tokens == 0
        assert second.usage.reused_tokens == len("What is 12 + 7?\n") + 1
    finally:
        await model.close()


class TestFiles:
    def test_a_truncated_file_is_refused_before_llama_cpp_sees_it(self, tmp_path: Path) -> None:
        broken = tmp_path / "broken.gguf"
        broken.write_bytes(catalog.path("math").read_bytes()[:-10_000])
        with pytest.raises(ModelFileError, match="truncated"):
            LlamaModel(broken, LlamaSpec(path=str(broken), threads=1))

    def test_weights_that_make_no_model_are_a_typed_error(self, tmp_path: Path) -> None:
        odd = tmp_path / "odd.gguf"
        data = catalog.path("math").read_bytes().replace(b"llama.block_count", b"llama.block_cound", 1)
        odd.write_bytes(data)
        with pytest.raises(ModelFileError, match=r"odd\.gguf"):
            LlamaModel(odd, LlamaSpec(path=str(odd), threads=1))

    def test_asking_for_a_gpu_that_the_build_lacks_names_the_way_out(self) -> None:
        from agentnet.models.devices import supports_gpu_offload

        if supports_gpu_offload():
            pytest.skip("this build has GPU support")
        path = catalog.path("math")
        with pytest.raises(ModelFileError, match="CMAKE_ARGS"):
            LlamaModel(path, LlamaSpec(path=str(path), gpu_layers="all", threads=1))
        automatic = LlamaModel(path, LlamaSpec(path=str(path), gpu_layers="auto", threads=1))
        assert any("no GPU support" in note for note in automatic.notes)
        asyncio.run(automatic.close())

    async def test_agents_with_one_spec_share_one_model(self) -> None:
        async with ModelPool(base=Path.cwd()) as pool:
            specs = [LlamaSpec(path="zoo:math"), LlamaSpec(path="zoo:facts"), LlamaSpec(path="zoo:math")]
            one, other, again = await pool.open(specs)
            assert one is again
            assert one is not other
            assert isinstance(one, Model)

    async def test_a_checksum_is_verified(self) -> None:
        async with ModelPool(base=Path.cwd()) as pool:
            with pytest.raises(ModelFileError, match="SHA-256"):
                await pool.open([LlamaSpec(path="zoo:math", sha256="0" * 64)])

    async def test_an_unknown_zoo_model_lists_the_known_ones(self) -> None:
        async with ModelPool(base=Path.cwd()) as pool:
            with pytest.raises(ModelFileError, match="math"):
                await pool.open([LlamaSpec(path="zoo:unheard-of")])
