"""A tiny GGUF file with random weights, and a loopback HTTP server that answers what a test tells it."""

from __future__ import annotations

import json
import string
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from gguf import GGUFWriter, TokenType

WIDTH, HEADS, LAYERS, FFN, CONTEXT = 32, 2, 2, 64, 256
CONTROLS = ("<|pad|>", "<|user|>", "<|assistant|>", "<|end|>")
CHARS = "\n " + string.digits + string.ascii_letters + string.punctuation
TEMPLATE = (
    "{%- for message in messages -%}"
    "{%- if message['role'] == 'assistant' -%}{{- '<|assistant|>' + message['content'] + '<|end|>' -}}"
    "{%- else -%}{{- '<|user|>' + message['content'] + '<|end|>' -}}{%- endif -%}"
    "{%- endfor -%}"
    "{%- if add_generation_prompt -%}{{- '<|assistant|>' -}}{%- endif -%}"
)


def tiny_gguf(path: Path, *, context: int = CONTEXT, tensors: bool = True) -> Path:
    """Write a llama-architecture model of random weights and a vocabulary of characters and bytes."""
    tokens = [*CONTROLS, "<unk>", *(f"<0x{byte:02X}>" for byte in range(256))]
    types = [TokenType.CONTROL] * len(CONTROLS) + [TokenType.UNKNOWN] + [TokenType.BYTE] * 256
    tokens += [char.replace(" ", "\N{LOWER ONE EIGHTH BLOCK}") for char in CHARS]
    types += [TokenType.NORMAL] * len(CHARS)
    writer = GGUFWriter(path, "llama")
    writer.add_name("tiny")
    writer.add_context_length(context)
    writer.add_embedding_length(WIDTH)
    writer.add_block_count(LAYERS)
    writer.add_feed_forward_length(FFN)
    writer.add_head_count(HEADS)
    writer.add_head_count_kv(HEADS)
    writer.add_rope_dimension_count(WIDTH // HEADS)
    writer.add_layer_norm_rms_eps(1e-5)
    writer.add_vocab_size(len(tokens))
    writer.add_tokenizer_model("llama")
    writer.add_tokenizer_pre("default")
    writer.add_token_list(tokens)
    writer.add_token_scores([0.0] * len(tokens))
    writer.add_token_types(types)
    writer.add_unk_token_id(len(CONTROLS))
    writer.add_bos_token_id(1)
    writer.add_eos_token_id(3)
    writer.add_pad_token_id(0)
    writer.add_add_space_prefix(False)
    writer.add_add_bos_token(False)
    writer.add_chat_template(TEMPLATE)
    if tensors:
        _add_weights(writer, len(tokens))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return path


def _add_weights(writer: GGUFWriter, vocabulary: int) -> None:
    draw = np.random.default_rng(0)

    def add(name: str, *shape: int) -> None:
        writer.add_tensor(name, draw.normal(0, 0.3, shape).astype(np.float32))

    add("token_embd.weight", vocabulary, WIDTH)
    for layer in range(LAYERS):
        for part in ("attn_q", "attn_k", "attn_v", "attn_output"):
            add(f"blk.{layer}.{part}.weight", WIDTH, WIDTH)
        for part in ("attn_norm", "ffn_norm"):
            writer.add_tensor(f"blk.{layer}.{part}.weight", np.ones(WIDTH, np.float32))
        add(f"blk.{layer}.ffn_gate.weight", FFN, WIDTH)
        add(f"blk.{layer}.ffn_up.weight", FFN, WIDTH)
        add(f"blk.{layer}.ffn_down.weight", WIDTH, FFN)
    writer.add_tensor("output_norm.weight", np.ones(WIDTH, np.float32))
    add("output.weight", vocabulary, WIDTH)


@pytest.fixture(scope="session")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny_gguf(tmp_path_factory.mktemp("models") / "tiny.gguf")


@dataclass
class Answer:
    """One HTTP response. A body that is not text is sent as JSON.

    `hold` delays it until the event is set; `cut` closes the connection before the end.
    """

    status: int = 200
    body: Any = ""
    headers: dict[str, str] = field(default_factory=dict)
    kind: str | None = None
    hold: threading.Event | None = None
    cut: bool = False

    def content(self) -> tuple[str, bytes]:
        if isinstance(self.body, bytes):
            return self.kind or "application/octet-stream", self.body
        if isinstance(self.body, str):
            return self.kind or "text/plain", self.body.encode()
        return self.kind or "application/json", json.dumps(self.body).encode()


@dataclass
class Asked:
    """One HTTP request as it came in."""

    method: str
    path: str
    headers: dict[str, str]
    body: Any


class Loopback:
    """A real HTTP server on the loopback interface. `answer` decides; `asked` keeps what came in."""

    def __init__(self) -> None:
        self.answer: Callable[[Asked], Answer] = lambda _: Answer(404, "nothing here")
        self.asked: list[Asked] = []
        outer = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            wbufsize = -1  # headers and body in one packet

            def _serve(self) -> None:
                data = self.rfile.read(int(self.headers.get("content-length", 0)))
                headers = {name.lower(): value for name, value in self.headers.items()}
                asked = Asked(self.command, self.path, headers, json.loads(data) if data else None)
                outer.asked.append(asked)
                answer = outer.answer(asked)
                if answer.hold is not None:
                    answer.hold.wait(20)
                kind, content = answer.content()
                try:
                    self.send_response(answer.status)
                    for name, value in {"content-type": kind, **answer.headers}.items():
                        self.send_header(name, value)
                    self.send_header("content-length", str(len(content) + answer.cut))
                    self.end_headers()
                    if self.command != "HEAD":
                        self.wfile.write(content)
                    self.close_connection = self.close_connection or answer.cut
                except OSError:
                    self.close_connection = True

            do_GET = do_POST = do_HEAD = _serve

            def log_message(self, format: str, *args: Any) -> None:
                """Silence."""

        class Server(ThreadingHTTPServer):
            daemon_threads = True
            request_queue_size = 64

        self._server = Server(("127.0.0.1", 0), Handler)
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
        self._thread.start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()


@pytest.fixture
def loopback() -> Iterator[Loopback]:
    server = Loopback()
    yield server
    server.close()


@pytest.fixture(autouse=True)
def _no_key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    monkeypatch.delenv("OPENAI_BASE_URL", raising=False)
