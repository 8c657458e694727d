"""Replies held to a grammar: what comes out of a model that knows nothing has the form, or the form is refused."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any, Literal

import jsonschema
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydantic import BaseModel, Field

from agentnet.contracts.model_specs import LlamaSpec
from agentnet.contracts.sampling import Sampling
from agentnet.errors import ModelError, SchemaUnsupported
from agentnet.models.base import Completion, Request
from agentnet.models.llama import LlamaModel
from agentnet.models.llama.grammar import Constraint, Grammars, grammars_of
from agentnet.models.llama.sampling import likeliest
from tests.models.llama.files import BYTES, END, TURN, letter, path_through, tokens_of, write_chain, write_random
from tests.models.llama.schemas import HARD, REFUSED, schemas
from tests.real_vocabularies import LINE, NAMES, tiny


@pytest.fixture(scope="module")
def model(random_file: Path) -> Iterator[LlamaModel]:
    opened = LlamaModel(random_file, LlamaSpec(path=str(random_file), context=4096, threads=1))
    yield opened
    asyncio.run(opened.close())


def ask(
    schema: Any = None, *, seed: int | None = None, most: int = 300, logprobs: bool = False, **form: Any
) -> Request:
    sampling = {"stop": form.pop("stop", ())}
    if seed is not None:
        sampling |= {"temperature": 1.5, "seed": seed}
    asked = Sampling(max_tokens=most, **sampling)
    return Request(({"role": "user", "content": "?"},), asked, schema=schema, logprobs=logprobs, **form)


def reply(model: LlamaModel, schema: Any = None, **settings: Any) -> Completion:
    return asyncio.run(model.generate(ask(schema, **settings)))


def constraint(model: LlamaModel, request: Request) -> Constraint:
    found = asyncio.run(grammars_of(model._vocabulary).constraint(request, model._engine.open))
    assert found is not None
    return found


def walk(model: LlamaModel, request: Request, seed: int, most: int = 200) -> str | None:
    """A reply of tokens drawn at random among those that are allowed; None for one that does not end in time."""
    draw, state = np.random.default_rng(seed), constraint(model, request)
    said = b""
    for _ in range(most):
        tokens = state.take_forced(most)
        if not tokens:
            if state.complete:
                return said.decode()
            allowed = state.allowed()
            if not len(allowed):
                return None
            # An end is taken where there is one: else strings and arrays run on.
            ends = [token for token in map(int, allowed) if model._vocabulary.ends(token)]
            tokens = ends[:1] or [int(draw.choice(allowed))]
            assert state.accept(tokens[0])
            if ends:
                return said.decode()
        said += b"".join(map(model._vocabulary.piece, tokens))
    return None


class TestSchemas:
    @settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
    @given(schema=schemas(), seed=st.integers(0, 99))
    def test_a_reply_obeys_the_schema_or_the_schema_is_refused(self, model: LlamaModel, schema: Any, seed: int) -> None:
        try:
            done = reply(model, schema, seed=seed)
            walked = walk(model, ask(schema), seed)
        except SchemaUnsupported as error:
            refusal = str(error)
        else:
            refusal = ""
        if refusal:
            assert "\n" not in refusal
            return
        if done.finish == "stop":
            jsonschema.validate(json.loads(done.text), schema)
        if walked is not None:
            jsonschema.validate(json.loads(walked), schema)

    @pytest.mark.parametrize("name", HARD)
    def test_hard_schemas_hold(self, model: LlamaModel, name: str) -> None:
        schema = HARD[name]
        ended = 0
        for seed in range(25):
            walked = walk(model, ask(schema), seed, most=600)
            if walked is not None:
                jsonschema.validate(json.loads(walked), schema)
                ended += 1
        assert ended >= 3

    @pytest.mark.parametrize(("schema", "says"), REFUSED)
    def test_what_cannot_be_promised_is_refused_in_one_line(self, model: LlamaModel, schema: Any, says: str) -> None:
        with pytest.raises(SchemaUnsupported, match=says) as caught:
            reply(model, schema)
        assert "\n" not in str(caught.value)
        assert reply(model, {"const": 1}).text == "1"

    @settings(max_examples=30, deadline=None)
    @given(
        st.recursive(
            st.text(st.characters(codec="utf-8"), max_size=5)
            | st.integers(-(10**9), 10**9)
            | st.none()
            | st.booleans(),
            st.lists,
            max_leaves=5,
        )
    )
    def test_a_constant_comes_out_as_it_is(self, model: LlamaModel, value: Any) -> None:
        assert json.loads(reply(model, {"const": value}, most=3000).text) == value

    def test_a_schema_of_any_depth_is_read_or_refused(self, model: LlamaModel) -> None:
        for depth in (50, 5000):
            schema: Any = {"const": 1}
            for _ in range(depth):
                schema = {"type": "array", "items": schema, "minItems": 1, "maxItems": 1}
            if depth == 50:
                assert json.loads(reply(model, schema).text)
            else:
                with pytest.raises(SchemaUnsupported):
                    reply(model, schema)

    def test_there_is_no_space_that_the_schema_does_not_ask_for(self, model: LlamaModel) -> None:
        schema = {"type": "array", "items": {"type": "object", "properties": {"a": {"enum": [1]}}}, "maxItems": 3}
        for seed in range(10):
            walked = walk(model, ask(schema), seed)
            assert walked is not None
            assert not re.search(r"\s", walked)


class Node(BaseModel):
    value: Annotated[int, Field(ge=1, le=12)]
    next: Node | None = None


class Cat(BaseModel):
    kind: Literal["cat"]
    lives: int = Field(gt=0, lt=10)


class Dog(BaseModel):
    kind: Literal["dog"]
    friends: dict[str, bool] = Field(max_length=2)


class Plan(BaseModel):
    """As pydantic writes it: references, unions, tuples, bounds, remarks."""

    title: str = Field(min_length=1, max_length=10, description="short")
    sure: float = Field(ge=0, le=1)
    pair: tuple[bool, None]
    head: Node
    pet: Annotated[Cat | Dog, Field(discriminator="kind")]
    maybe: Literal["a", "b"] | None = None
    many: list[Literal["x", "y"]] = Field(min_length=2, max_length=3)


def test_schemas_of_pydantic_hold(model: LlamaModel) -> None:
    ended = 0
    for seed in range(12):
        done = reply(model, Plan.model_json_schema(), seed=seed, most=3000)
        if done.finish == "stop":
            Plan.model_validate_json(done.text)
            ended += 1
    assert ended


class TestText:
    """What llguidance lets through is text: no malformed UTF-8, and no control token."""

    def test_no_token_makes_malformed_text(self, model: LlamaModel) -> None:
        """The vocabulary has a token for each byte: overlong quotes, surrogates and cut characters could be spelled."""
        string = ask({"type": "string", "minLength": 30, "maxLength": 30})
        for seed in range(40):
            walked = walk(model, string, seed)
            assert walked is not None  # decoded strictly
            value = json.loads(walked)
            assert len(value) == 30
            value.encode()  # no lone surrogate from an escape either

    @pytest.mark.parametrize(
        "bytes_", [b"\xc0\xa2", b"\xed\xa0\x80", b"\xf4\x90\x80\x80", b"\xe0\x80\xa2", b"\xff", b"\x80"]
    )
    def test_malformed_bytes_are_rejected_at_the_first_wrong_one(self, model: LlamaModel, bytes_: bytes) -> None:
        for request in (ask({"type": "string"}), ask(regex='"[^"]*"')):
            state = constraint(model, request)
            state.take_forced(10)
            taken = [state.accept(BYTES + byte) for byte in bytes_]
            assert not all(taken)

    @pytest.mark.parametrize("form", [{"regex": ".{3}"}, {"lark": "start: /.{3}/"}])
    def test_a_reply_cannot_end_within_a_character(self, model: LlamaModel, form: dict[str, str]) -> None:
        state = constraint(model, ask(**form))
        for byte in "ab😀".encode():
            assert not state.complete
            assert not set(state.allowed()) & {END, TURN}
            assert state.accept(BYTES + byte)
        assert state.complete

    def test_control_tokens_are_never_allowed_and_end_tokens_where_the_form_may_end(self, model: LlamaModel) -> None:
        vocabulary = model._vocabulary
        silent = {token for token in range(vocabulary.size) if not vocabulary.piece(token)}
        assert {END, TURN} < silent
        state = constraint(model, ask(regex="a+"))
        assert not silent & set(state.allowed())
        assert not any(map(state.accept, silent))
        assert state.accept(letter("a"))
        assert silent & set(state.allowed()) == {END, TURN}
        assert state.accept(TURN)
        assert state.complete


class TestForms:
    @pytest.mark.parametrize(
        ("form", "pattern"),
        [
            ({"regex": "(yes|no), [0-9]{2}"}, "(yes|no), [0-9]{2}"),
            ({"regex": r"\d{4}-\d{2}"}, r"[0-9]{4}-[0-9]{2}"),
            ({"lark": 'start: "A" b{2,3}\nb: "(" /[a-c]/ ")"'}, r"A(\([a-c]\)){2,3}"),
            ({"lark": 'start: %json {"enum": ["x", 1]}'}, '"x"|1'),
        ],
    )
    @pytest.mark.parametrize("seed", [None, 3])
    def test_a_reply_matches_as_a_whole(
        self, model: LlamaModel, form: dict[str, str], pattern: str, seed: int | None
    ) -> None:
        done = reply(model, seed=seed, **form)
        assert re.fullmatch(pattern, done.text)
        assert done.finish == "stop"

    def test_an_empty_form_is_an_empty_reply(self, model: LlamaModel) -> None:
        done = reply(model, regex="")
        assert (done.text, done.finish) == ("", "stop")

    @pytest.mark.parametrize("form", [{"regex": "(a"}, {"lark": "start: x"}, {"lark": "start: <eot>"}])
    def test_a_form_that_cannot_be_read_is_refused(self, model: LlamaModel, form: dict[str, str]) -> None:
        with pytest.raises(SchemaUnsupported, match="not a usable") as caught:
            reply(model, **form)
        assert "\n" not in str(caught.value)

    def test_one_form_at_most(self) -> None:
        with pytest.raises(ValueError, match="one form"):
            ask({"type": "string"}, regex="a")

    def test_a_grammar_that_leads_nowhere_is_an_error_and_not_a_crash(self, model: LlamaModel) -> None:
        with pytest.raises(SchemaUnsupported, match="cannot spell"):
            reply(model, lark='start: start "a"')
        assert reply(model, regex="ab").text == "ab"

    def test_a_form_beyond_all_limits_is_refused_and_no_crash(self, model: LlamaModel) -> None:
        rules = "\n".join(f"a{i}: a{i + 1}" for i in range(3000))
        defs: dict[str, Any] = {f"n{i}": {"items": {"$ref": f"#/$defs/n{i + 1}"}} for i in range(3000)}
        with pytest.raises(SchemaUnsupported, match="more than 500 rules"):
            reply(model, lark=f'start: a0\n{rules}\na3000: "x"')
        with pytest.raises(SchemaUnsupported, match="more than 250 levels"):
            reply(model, {"$ref": "#/$defs/n0", "$defs": defs})
        with pytest.raises(SchemaUnsupported, match="too big"):
            reply(model, regex="(a{0,900}b?){0,900}|" + "|".join(f"{i:x}{i * 7919:x}" for i in range(300_000)))
        assert reply(model, regex="ab").text == "ab"


class TestForced:
    def test_they_count_as_tokens_and_are_not_drawn(self, opened_chain: LlamaModel) -> None:
        before = opened_chain.stats
        done = reply(opened_chain, {"type": "object", "properties": {"key": {"enum": ["left"]}}, "required": ["key"]})
        stats = opened_chain.stats
        assert done.text == '{"key":"left"}'
        assert done.usage.completion_tokens == len(done.text)
        assert stats.forced_tokens - before.forced_tokens == len(done.text)
        assert stats.steps - before.steps == 1

    def test_text_and_tokens_are_the_same_with_log_probabilities(self, model: LlamaModel) -> None:
        schema = {"type": "object", "properties": {"a": {"enum": ["left", "right"]}, "b": {"enum": [1]}}}
        schema["required"] = ["a", "b"]  # type: ignore[assignment]
        plain, measured = reply(model, schema), reply(model, schema, logprobs=True)
        assert plain.text == measured.text
        assert measured.logprobs is not None
        assert len(measured.logprobs) == measured.usage.completion_tokens == plain.usage.completion_tokens

    @pytest.mark.parametrize("logprobs", [False, True])
    @pytest.mark.parametrize("most", [1, 5, 13, 14, 15])
    def test_the_limit_holds_among_them(self, opened_chain: LlamaModel, most: int, logprobs: bool) -> None:
        text = '{"key":"left"}'
        done = reply(opened_chain, {"const": {"key": "left"}}, most=most, logprobs=logprobs)
        assert done.text == text[:most]
        assert done.finish == ("stop" if most >= len(text) else "length")

    @pytest.mark.parametrize("stop", ["key", '"l', "}"])
    def test_stop_strings_hold_among_them(self, opened_chain: LlamaModel, stop: str) -> None:
        text = '{"key":"left"}'
        done = reply(opened_chain, {"const": {"key": "left"}}, stop=(stop,))
        assert done.text == text[: text.index(stop)]
        assert done.finish == "stop"

    def test_they_stream_as_whole_characters(self, opened_chain: LlamaModel) -> None:
        async def texts() -> list[str]:
            return [chunk.text async for chunk in opened_chain.stream(ask({"const": "ñ😀"}))]

        assert "".join(asyncio.run(texts())) == '"ñ😀"'

    def test_a_choice_between_them_is_the_models(self, tmp_path: Path) -> None:
        """Behind `>` the model says "b": it chooses the branch, and the rest is forced."""
        path = write_chain(tmp_path / "b.gguf", path_through(*tokens_of("b"), TURN))
        opened = LlamaModel(path, LlamaSpec(path=str(path), threads=1))
        try:
            assert reply(opened, regex="alpha|beta").text == "beta"
        finally:
            asyncio.run(opened.close())


@pytest.fixture
def opened_chain(chain_file: Path) -> Iterator[LlamaModel]:
    opened = LlamaModel(chain_file, LlamaSpec(path=str(chain_file), threads=1))
    yield opened
    asyncio.run(opened.close())


class TestSampling:
    """Among the allowed tokens, draws have the model's own shares, cut off as the settings say."""

    @pytest.mark.parametrize("seed", range(10))
    def test_the_likeliest_tokens_are_the_first_of_all_also_among_equals(self, seed: int) -> None:
        draw = np.random.default_rng(seed)
        rows = [draw.standard_normal(20_000 + seed), draw.integers(0, 40 * 4**seed, 20_000)]
        for row in (row.astype(np.float32) for row in rows):
            found = likeliest(row)
            assert found == np.argsort(-row, kind="stable")[: len(found)].tolist()
        assert len(likeliest(rows[0].astype(np.float32))) >= 4
        assert likeliest(np.zeros(300, np.float32)) == []

    @pytest.mark.parametrize(
        ("settings", "shares"),
        [
            ({"temperature": 1.0}, {"A": 3.0, "C": 1.0, "D": 0.5}),
            ({"temperature": 1.0, "top_k": 2}, {"A": 3.0, "C": 1.0}),
            ({"temperature": 1.0, "top_p": 0.6}, {"A": 1.0}),
            ({"temperature": 1.0, "min_p": 0.3}, {"A": 3.0, "C": 1.0}),
        ],
    )
    def test_draws_are_distributed_like_draws_among_the_allowed_tokens(
        self, tmp_path: Path, settings: dict[str, float], shares: dict[str, float]
    ) -> None:
        """B, which the form rejects, is the likeliest: where candidates are cut off, it counts for nothing."""
        weights = {"A": 3.0, "B": 6.0, "C": 1.0, "D": 0.5}
        logits = {letter(">"): {letter(name): 12 + float(np.log(weight)) for name, weight in weights.items()}}
        path = write_chain(tmp_path / "shares.gguf", logits)
        opened = LlamaModel(path, LlamaSpec(path=str(path), threads=1))
        draws = 300

        async def drawn() -> list[str]:
            request = ask(regex="[ACD]")
            asked = [
                Request(request.messages, Sampling.model_validate({"seed": seed, **settings}), regex="[ACD]")
                for seed in range(draws)
            ]
            return [done.text for done in await asyncio.gather(*map(opened.generate, asked))]

        try:
            found = asyncio.run(drawn())
        finally:
            asyncio.run(opened.close())
        assert set(found) <= shares.keys()
        for name, share in shares.items():
            expected = share / sum(shares.values())
            assert abs(found.count(name) / draws - expected) < 4 * (expected * (1 - expected) / draws) ** 0.5 + 1e-9


class TestVocabularies:
    @pytest.mark.parametrize("name", NAMES)
    def test_replies_with_real_vocabularies_hold(self, name: str) -> None:
        model = tiny(name)
        try:
            schema = {
                "type": "object",
                "properties": {"reason": {"type": "string", "maxLength": 30}, "verdict": {"enum": ["yes", "né 好"]}},
                "required": ["reason", "verdict"],
            }
            for form in ({"schema": schema}, {"schema": schema, "logprobs": True}):
                asked = Request(({"role": "user", "content": LINE},), Sampling(max_tokens=200), **form)
                done = asyncio.run(model.generate(asked))
                assert done.finish == "stop"
                jsonschema.validate(json.loads(done.text), schema)
            for seed in range(5):
                walked = walk(model, ask(schema), seed)
                assert walked is not None
                jsonschema.validate(json.loads(walked), schema)
            assert model.stats.forced_tokens > 5
        finally:
            asyncio.run(model.close())

    @pytest.mark.parametrize("name", NAMES)
    def test_forced_tokens_are_those_that_the_tokenizer_makes(self, name: str) -> None:
        """All but the last few, which could be one token with what follows."""
        model = tiny(name)
        try:
            text = '{"first":"The old river bends slowly","second":"'
            state = constraint(model, ask(regex=re.escape(text) + '[a-z]*"'))
            forced = state.take_forced(100)
            spelled = b"".join(map(model._vocabulary.piece, forced)).decode()
            assert text.startswith(spelled)
            assert len(spelled) >= len(text) - 8
            whole = model.tokens(text)
            if b"".join(map(model._vocabulary.piece, whole)) != text.encode():  # SentencePiece puts a space before it
                whole = model.tokens("\n" + text)[len(model.tokens("\n")) :]
            assert forced == whole[: len(forced)]
        finally:
            asyncio.run(model.close())

    def test_contexts_on_the_same_weights_share_grammars_until_the_last_is_closed(self, tmp_path: Path) -> None:
        path = write_random(tmp_path / "shared.gguf")
        specs = (LlamaSpec(path=str(path), context=size, threads=1) for size in (64, 128))
        one, other = (LlamaModel(path, spec) for spec in specs)
        vocabulary = one._vocabulary
        assert reply(one, regex="ab").text == "ab"
        made = vocabulary.derived[Grammars]
        asyncio.run(one.close())
        assert other._vocabulary.derived[Grammars] is made
        assert reply(other, regex="ab").text == "ab"
        asyncio.run(other.close())
        assert vocabulary.derived == {}

    def test_a_closed_model_compiles_nothing(self, tmp_path: Path) -> None:
        path = write_random(tmp_path / "closed.gguf")
        model = LlamaModel(path, LlamaSpec(path=str(path), threads=1))
        asyncio.run(model.close())
        with pytest.raises(ModelError, match="closed"):
            constraint(model, ask(regex="a"))
