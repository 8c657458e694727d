"""Specs of models, as written in a network file.

Short forms: ``zoo:math`` (embedded), ``some/file.gguf`` or ``hf://owner/repo/file.gguf`` (llama.cpp in process),
``openai:MODEL`` (the server that ``OPENAI_BASE_URL`` names, or OpenAI's own).
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BeforeValidator, Field, SerializerFunctionWrapHandler, model_serializer

from agentnet.contracts.base import FileModel
from agentnet.contracts.nodes import NodeSpec
from agentnet.redaction import redacted_url

KvType = Literal["f32", "f16", "bf16", "q8_0", "q5_1", "q5_0", "q4_1", "q4_0"]


def _http(address: str) -> str:
    if not address.startswith(("http://", "https://")):
        shown = redacted_url(address)
        raise ValueError(f"{shown!r} is not the address of a server: write http://{shown.partition('://')[2] or shown}")
    return address


Address = Annotated[str, AfterValidator(_http)]


class LlamaSpec(FileModel):
    """A GGUF file run in process by llama.cpp."""

    kind: Literal["llama"] = "llama"
    path: str = Field(description="zoo:NAME, a file path (relative to the network file), or hf://owner/repo/file.gguf")
    sha256: str | None = Field(
        default=None,
        pattern=r"^[0-9a-f]{64}$",
        description="checked before loading, if given; of a model in several files, that of all files joined in order",
    )
    context: int | None = Field(default=None, ge=16, description="tokens; None takes the file's own, at most 8192")
    chat_template: str | None = Field(default=None, description="Jinja text that replaces the file's own")
    threads: int | None = Field(
        default=None, ge=1, description="None shares the machine's cores among the local models"
    )
    batch: int = Field(default=512, ge=1, description="tokens evaluated in one step, over all requests")
    sequences: int = Field(
        default=8, ge=1, le=120, description="requests decoded together; 1 serves them one after another"
    )
    cache_tokens: int | None = Field(
        default=None, ge=16, description="size of the KV cache in tokens, over all requests; None plans it"
    )
    cache_layout: Literal["auto", "pool", "rows"] = Field(
        default="auto",
        description="pool shares the cells of common prefixes; rows gives each request room for a whole context of its "
        "own, where attention sees no other request's cells; auto takes rows where they need few tokens",
    )
    parked_mib: int = Field(
        default=256, ge=0, description="RAM for sequences that are swapped out of the KV cache; 0 swaps none out"
    )
    reuse_prefix: bool = Field(
        default=True,
        description="keep prompts in the KV cache for the next ones; off, and with sequences 1, equal requests give "
        "bit-equal replies whatever came before",
    )
    gpu_layers: Annotated[int, Field(ge=0)] | Literal["auto", "all", "none"] = Field(
        default="auto", description="layers on the GPU, counting the output as one; auto takes as many as fit"
    )
    main_gpu: int = Field(default=0, ge=0)
    tensor_split: tuple[float, ...] | None = None
    split_mode: Literal["none", "layer", "row"] = "layer"
    flash_attention: Literal["auto", "on", "off"] = "auto"
    offload_kv: bool = True
    kv_type_k: KvType = "f16"
    kv_type_v: KvType = "f16"
    mmap: bool = True
    mlock: bool = False


class OpenAISpec(FileModel):
    """A model behind an OpenAI-compatible HTTP server. The file names the variable of the key, never the key itself."""

    kind: Literal["openai"] = "openai"
    model: str
    base_url: Address | None = Field(default=None, description="None reads base_url_env")
    base_url_env: str = "OPENAI_BASE_URL"
    api_key_env: str = "OPENAI_API_KEY"
    context: int | None = Field(default=None, ge=16)
    timeout: float = Field(default=60.0, gt=0, description="seconds for one attempt")
    deadline: float | None = Field(
        default=None, gt=0, description="seconds for a whole turn, with every attempt and pause; None: 5 times timeout"
    )
    attempts: int = Field(default=4, ge=1, description="most attempts in all, for failures worth retrying")
    max_wait: float = Field(default=30.0, ge=0, description="longest pause between two attempts, in seconds")
    structured: Literal["auto", "json_schema", "json_object", "none"] = Field(
        default="auto", description="the server's way to constrain a reply by a schema"
    )
    logprobs: bool | None = Field(default=None, description="whether the server gives log-probabilities, if known")
    extra_body: dict[str, Any] = Field(default_factory=dict, description="further fields for this server's requests")

    @model_serializer(mode="wrap")
    def _as_before(self, serialize: SerializerFunctionWrapHandler) -> dict[str, Any]:
        """Leave out a deadline that is not given: runs of earlier versions were recorded without, and are resumed."""
        data: dict[str, Any] = serialize(self)
        if self.deadline is None:
            data.pop("deadline", None)
        return data


class ReplaySpec(FileModel):
    """Recorded replies of a model, replayed for the recorded questions. Use the pack ``recorded``."""

    kind: Literal["replay"] = "replay"
    replay: str = Field(description="JSONL, JSON or CSV file (relative to the network file)")
    question: str = Field(default="question", description="the field that holds the question")
    reply: str = Field(description="the field that holds the reply; ``a.b`` is a field within an object")
    tokens: str | None = Field(default=None, description="the field that holds how many tokens the reply had")
    calls: int = Field(default=1, ge=1, description="replies that the recorded system sampled for each answer")


class A2ASpec(FileModel):
    """An outside agent that speaks A2A 1.0. A turn's prompt is a message to it, and its answer is the reply."""

    kind: Literal["a2a"] = "a2a"
    a2a: Address = Field(description="where it is: its card is below it, at /.well-known/agent-card.json")
    api_key_env: str | None = Field(default=None, description="the variable of the key that it wants as Bearer token")
    key: str | None = Field(
        default=None,
        pattern=r"^[A-Za-z0-9_-]{43}$",
        description="the Ed25519 key (base64url) that must have signed its card; None takes any card",
    )
    timeout: float = Field(default=60.0, gt=0, description="seconds without a word of it")
    deadline: float | None = Field(default=None, gt=0, description="seconds for a whole turn; None: 5 times timeout")
    metadata: dict[str, Any] = Field(
        default_factory=dict, description="metadata of each message, as the agent's own documentation asks for"
    )

    @property
    def whole_turn(self) -> float:
        """Seconds for a whole turn."""
        return 5 * self.timeout if self.deadline is None else self.deadline


class HumanSpec(FileModel):
    """A person. The run waits for their words, and can be left and resumed meanwhile."""

    kind: Literal["human"] = "human"
    human: Literal["terminal"] = Field(default="terminal", description="where the person types")


def _from_short(value: object) -> object:
    if isinstance(value, str):
        if value.startswith("openai:"):
            return {"kind": "openai", "model": value.removeprefix("openai:")}
        return {"kind": "llama", "path": value}
    if isinstance(value, dict) and "kind" not in value:
        kinds = ("path", "llama"), ("replay", "replay"), ("human", "human"), ("member", "node"), ("a2a", "a2a")
        return {"kind": next((kind for key, kind in kinds if key in value), "openai"), **value}
    return value


ModelSpec = Annotated[
    NodeSpec | LlamaSpec | OpenAISpec | ReplaySpec | A2ASpec, Field(discriminator="kind"), BeforeValidator(_from_short)
]
MemberSpec = Annotated[
    NodeSpec | LlamaSpec | OpenAISpec | ReplaySpec | A2ASpec | HumanSpec,
    Field(discriminator="kind"),
    BeforeValidator(_from_short),
]
"""The model or the person behind a member."""
