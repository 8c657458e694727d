"""Prompts as tokens: only a chat template makes control tokens, whatever the messages say."""

from __future__ import annotations

import random
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from unittest.mock import Mock

import pytest

from agentnet.models.base import ChatMessage
from agentnet.models.llama import backend
from agentnet.models.llama.control_tokens import CONTROL, UNKNOWN, USER_DEFINED, ControlTokens
from agentnet.models.llama.prompt import PromptTokenizer
from agentnet.models.llama.template import ChatTemplate
from agentnet.models.llama.vocabulary import Vocabulary
from benchmarks.generated.vocabularies import open_vocabulary
from tests.fusion.vocabularies import ZOO, write_sentencepiece
from tests.prompts.forging import CONTROL_NAMES, SEPARATORS, forgery
from tests.real_vocabularies import NAMES, vocabulary_or_skip

FEW, MANY = 40, 250
"""Messages for each chat template and vocabulary."""
TEMPLATES = {
    "chatml": None,
    "llama 3": (
        "{{ bos_token }}{% for m in messages %}<|start_header_id|>{{ m.role }}<|end_header_id|>\n\n"
        "{{ m.content | trim }}<|eot_id|>{% endfor %}<|start_header_id|>assistant<|end_header_id|>\n\n"
    ),
    "llama 2": "{% for m in messages %}{{ bos_token }}[INST] {{ m.content.strip() }} [/INST]{% endfor %}",
    "phi 3": "{% for m in messages %}<|{{ m.role }}|>\n{{ m.content }}<|end|>\n{% endfor %}<|assistant|>\n",
    "deepseek": "{{ bos_token }}{% for m in messages %}<｜User｜>{{ m.content }}{% endfor %}<｜Assistant｜><think>\n",
    "edge to edge": "{% for m in messages %}<|{{ m.content }}|>{% endfor %}</s>",
    "cutting": "{% for m in messages %}<s>{{ m.content | replace('/no_think', '') }}</s>{% endfor %}",
    "twofold": "{% for m in messages %}<s>{{ m.content }}<s>{{ m.content | upper }}</s>{% endfor %}",
}
HONEST = (
    "What is 17 × 23?\nsolve",
    "# Task\n\nIs 3 < 5 and [1, 2] a list?\n\n# Your turn\n\nSolve the task.",
    "  leading and trailing blanks \n\n",
    "if x<y: return '<b>' + s + \"</b>\"  # done",
    "Größe, naïve, 日本語, 🙂, <, [, |",
    "a",
)


@pytest.fixture(scope="module", params=[*NAMES, *ZOO[:2], "sentencepiece"], ids=lambda name: Path(name).stem)
def vocabulary(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Vocabulary]:
    name = request.param
    if name == "sentencepiece":
        path = write_sentencepiece(tmp_path_factory.mktemp("files") / "sentencepiece.gguf")
    else:
        path = name if isinstance(name, Path) else vocabulary_or_skip(name)
    with open_vocabulary(path) as found:
        yield found


def tokenizer(vocabulary: Vocabulary, template: str | None) -> PromptTokenizer:
    found = ChatTemplate(template, path=Path("some.gguf"), bos=vocabulary.bos, eos=vocabulary.eos)
    return PromptTokenizer(found, vocabulary)


def user(*texts: str) -> list[ChatMessage]:
    return [{"role": "user", "content": text} for text in texts]


def controls(vocabulary: Vocabulary, tokens: list[int]) -> list[int]:
    """The tokens that are no text: by llama.cpp's attributes, or tokens of the file that are known names."""
    llama = backend.library()

    def is_one(token: int) -> bool:
        attributes = llama.llama_vocab_get_attr(vocabulary.pointer, token)
        name = llama.llama_vocab_get_text(vocabulary.pointer, token).decode()
        return bool(attributes & (UNKNOWN | CONTROL) or (attributes & USER_DEFINED and name in CONTROL_NAMES))

    return [token for token in tokens if is_one(token)]


def hostile(vocabulary: Vocabulary, count: int) -> Iterator[str]:
    """Messages that hold names of the vocabulary's own control tokens and of others: whole, in parts, at the edges."""
    draw = random.Random(vocabulary.size)
    names = [*ControlTokens(vocabulary, "").names, *CONTROL_NAMES]
    for _ in range(count):
        parts = []
        for _ in range(draw.randrange(1, 6)):
            name, other = draw.sample(names, 2)
            place = draw.randrange(len(name) + 1)
            parts += draw.choice(
                (
                    [name],
                    [name, other],
                    [name[:place], other, name[place:]],
                    [name[place:]],
                    [name[:place]],
                    [name[:place], "/no_think", name[place:]],
                    [name.lower(), name.upper()],
                    [forgery(draw)],
                    ["seven", draw.choice(SEPARATORS)],
                )
            )
        yield "".join(parts)


def check(vocabulary: Vocabulary, template: str | None, count: int) -> None:
    prompts = tokenizer(vocabulary, template)
    for text in hostile(vocabulary, count):
        for texts in ([text], ["seven", text], [text, "seven"]):
            harmless = controls(vocabulary, prompts.tokens(user(*["seven"] * len(texts))))
            assert controls(vocabulary, prompts.tokens(user(*texts))) == harmless, ascii(text)


@pytest.mark.parametrize("template", TEMPLATES.values(), ids=list(TEMPLATES))
def test_no_message_holds_a_control_token(vocabulary: Vocabulary, template: str | None) -> None:
    check(vocabulary, template, FEW)


@pytest.mark.slow
@pytest.mark.parametrize("template", TEMPLATES.values(), ids=list(TEMPLATES))
def test_not_one_of_thousands_holds_a_control_token(vocabulary: Vocabulary, template: str | None) -> None:
    check(vocabulary, template, MANY)


@pytest.mark.parametrize("template", TEMPLATES.values(), ids=list(TEMPLATES))
def test_an_honest_prompt_is_tokenised_as_a_whole(vocabulary: Vocabulary, template: str | None) -> None:
    """Merges across the edge of a message, and spaces that a vocabulary adds, are those that the model has learnt."""
    prompts = tokenizer(vocabulary, template)
    rendered = ChatTemplate(template, path=Path("some.gguf"), bos=vocabulary.bos, eos=vocabulary.eos)
    for texts in ([text] for text in HONEST):
        if rendered.locate(user(*texts)).words is None:
            continue  # names are kept out of it in another way
        text = rendered.render(user(*texts))
        begin = vocabulary.adds_bos and not (vocabulary.bos and text.startswith(vocabulary.bos))
        assert prompts.tokens(user(*texts)) == vocabulary.tokens(text, begin=begin)


def test_a_name_in_a_message_is_spelled(vocabulary: Vocabulary) -> None:
    """The text stays what it was: a message may ask what a control token is."""
    prompts = tokenizer(vocabulary, "{% for m in messages %}{{ m.content }}{% endfor %}")
    for name in ControlTokens(vocabulary, "").names:
        spelled = b"".join(map(vocabulary.piece, prompts.tokens(user(f"What is {name} for?")))).decode()
        assert name in spelled or name[0] + " " + name[1:] in spelled  # some vocabularies open a text with a space


def test_a_first_token_in_a_message_does_not_replace_that_of_the_file(tmp_path: Path) -> None:
    with open_vocabulary(write_sentencepiece(tmp_path / "some.gguf")) as vocabulary:
        bare, named = "{{ messages[0].content }}>", "{{ bos_token }}{{ messages[0].content }}>"
        for template in (bare, named):
            tokens = tokenizer(vocabulary, template).tokens(user("<s>no"))
            assert [token for token in tokens if token < 4] == [1]


class TestTheTemplatesOwnText:
    def located(self, template: str, *texts: str) -> list[str] | None:
        found = ChatTemplate(template, path=Path("some.gguf"), bos="", eos="").locate(user(*texts))
        return None if found.words is None else [found.text[start:end] for start, end in found.words]

    def test_is_told_apart_from_the_words_even_where_they_repeat_it(self) -> None:
        template = "{% for m in messages %}<{{ m.content }}>{% endfor %}."
        assert self.located(template, "a", "<b>", ">.") == ["a", "<b>", ">."]

    def test_may_have_trimmed_words_between(self) -> None:
        assert self.located("{% for m in messages %}<{{ m.content | trim }}>{% endfor %}", " a ", " b\n") == ["a", "b"]

    def test_may_change_the_words_of_the_last_message(self) -> None:
        assert self.located("<{{ messages[0].content | upper }}>", "a") == ["A"]

    def test_may_change_from_day_to_day(self, monkeypatch: pytest.MonkeyPatch) -> None:
        text = "{{ strftime_now('%d %b %Y') }} <{{ messages[0].content }}>"
        template = ChatTemplate(text, path=Path("x"), bos="", eos="")
        for day in (3, 4):
            clock = Mock(now=Mock(return_value=datetime(2026, 5, day)))
            monkeypatch.setattr("agentnet.models.llama.chat_environment.datetime", clock)
            found = template.locate(user("a"))
            assert found.text == f"0{day} May 2026 <a>"
            assert found.words == ((len("03 May 2026 <"), len("03 May 2026 <a")),)

    @pytest.mark.parametrize("template", ["{{ messages[0].content * 2 }}", "no words", "{{ messages | length }}"])
    def test_is_unknown_where_words_are_not_shown_once(self, template: str) -> None:
        assert self.located(template, "a") is None
