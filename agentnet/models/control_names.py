"""Names of control tokens, as the chat templates of known models write them.

Where a model's vocabulary is at hand, its own list decides (`agentnet.models.llama.control_tokens`). A server's is not:
there, and in prompts that anything may read, the names known here are broken.
"""

from __future__ import annotations

import re

_PIPED = r"(?:[|｜][^<>|｜\s]{1,64}+[|｜]?|[^<>|｜\s]{1,64}+[|｜])>"
"""``<|im_end|>``, ``<｜User｜>`` (DeepSeek), ``<|turn>`` and ``<turn|>`` (Gemma 4), without their first sign."""
_PLAIN = (
    r"s|unk|pad|mask|cls|sep|sop|eop|eod|eot|eom|bos|eos|think|thinking|tools?|TOOLCALL|system|user|assistant|human|bot"
    r"|image|audio|video|unused[0-9]+|reserved[0-9]+"
)
_TAGGED = rf"/?(?:{_PLAIN}|[a-z]++(?:[_:][a-z0-9]++)++|_[a-z]+)>|</?SYS>>|\][a-z]{{1,32}}\[>"
"""``</s>``, ``<think>``, ``<start_of_turn>`` (Gemma), ``<seed:bos>``, ``<SPECIAL_12>`` (Nemotron), ``<unused7>``,
``<<SYS>>`` (Llama 2), ``<]image[>`` (MiniMax)."""
_BRACKETED = (
    r"/?(?:INST|SYSTEM_PROMPT|AVAILABLE_TOOLS|TOOL_CALLS|TOOL_RESULTS|TOOL_CONTENT|MODEL_SETTINGS|CALL_ID|ARGS|THINK"
    r"|IMG|IMG_BREAK|IMG_END|AUDIO|BEGIN_AUDIO|PREFIX|MIDDLE|SUFFIX|CLS|SEP|UNK|[gs]?MASK|PAD[0-9]*"
    r"|UNUSED_TOKEN_[0-9]+|control_[0-9]+)\]|e~\["
)
"""``[INST]`` (Mistral), ``[gMASK]`` (GLM), ``[CLS]`` (BERT), ``[PAD151646]`` (filler), ``[e~[`` (MiniMax)."""
_FORMS = {"<": f"{_PIPED}|{_TAGGED}", "[": _BRACKETED, "]": r"~!?b[\[\]]"}
"""The first sign of a name → what follows it."""

_NAME = re.compile("|".join(f"{re.escape(first)}(?:{rest})" for first, rest in _FORMS.items()), re.IGNORECASE)
_START = re.compile("|".join(f"{re.escape(first)}(?={rest})" for first, rest in _FORMS.items()), re.IGNORECASE)


def is_known(name: str) -> bool:
    """Return whether a text is the name of a control token in the form of a known model."""
    return _NAME.fullmatch(name) is not None


def broken(text: str) -> str:
    """Return a text in which no known name of a control token is whole: ``<|im_end|>`` becomes ``< |im_end|>``.

    The space is visible on purpose: readers and tokenizers drop signs that are not. Names that overlap are all broken.
    """
    if ("<" in text or "[" in text or "]" in text) and _START.search(text):
        return _START.sub(r"\g<0> ", text)
    return text
