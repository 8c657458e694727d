"""A small decoder-only transformer in the two flavours that the zoo trains, computed as llama.cpp computes them.

``llama``: rotary embedding over neighbouring pairs (llama.cpp's NORM order). ``qwen3``: rotary embedding over halves
(NEOX), and an RMS norm on every query and key head. Both: RMSNorm before each block, grouped-query attention, SwiGLU.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from tools.zoo.training.shape import Shape

RMS_EPSILON = 1e-5


class Network(nn.Module):
    """Works on blocks of equally long sequences laid end to end, so that no step pays for padding.

    A batch is one flat row of N tokens made of blocks ``(rows, length)``, N = Σ rows · length. Everything but attention
    runs on all N at once.
    """

    def __init__(self, shape: Shape) -> None:
        super().__init__()
        self.shape = shape
        self.embed = nn.Embedding(shape.vocab, shape.width)
        self.layers = nn.ModuleList(Layer(shape) for _ in range(shape.layers))
        self.norm = nn.RMSNorm(shape.width, eps=RMS_EPSILON)
        self.head = nn.Linear(shape.width, shape.vocab, bias=False)
        if shape.tied:
            self.head.weight = self.embed.weight
        angles = _angles(shape)
        self.register_buffer("cos", angles.cos(), persistent=False)
        self.register_buffer("sin", angles.sin(), persistent=False)
        self._initialise()

    def forward(self, tokens: Tensor, blocks: list[tuple[int, int]], rows: Tensor | None = None) -> Tensor:
        """Logits ``[N, vocab]`` of flat `tokens` ``[N]``; with `rows`, only those of the positions it lists."""
        places = torch.cat([torch.arange(length, device=tokens.device).repeat(count) for count, length in blocks])
        x = self.embed(tokens)
        rotation = self.cos[places].unsqueeze(1), self.sin[places].unsqueeze(1)
        if torch.is_autocast_enabled(x.device.type):
            dtype = torch.get_autocast_dtype(x.device.type)
            rotation = rotation[0].to(dtype), rotation[1].to(dtype)
        for layer in self.layers:
            x = layer(x, rotation, blocks)
        if rows is not None:
            x = x[rows]
        return self.head(self.norm(x))

    def _initialise(self) -> None:
        """Normal weights of deviation 0.02; what writes into the residual stream is damped by depth (GPT-2)."""
        for name, weight in self.named_parameters():
            if weight.dim() == 2:
                damp = (2 * self.shape.layers) ** -0.5 if name.endswith(("out.weight", "down.weight")) else 1.0
                nn.init.normal_(weight, std=0.02 * damp)


class Layer(nn.Module):
    """Attention and feed-forward, each behind its norm and added to the stream."""

    def __init__(self, shape: Shape) -> None:
        super().__init__()
        self.attention_norm = nn.RMSNorm(shape.width, eps=RMS_EPSILON)
        self.attention = Attention(shape)
        self.ffn_norm = nn.RMSNorm(shape.width, eps=RMS_EPSILON)
        self.ffn = FeedForward(shape)

    def forward(self, x: Tensor, rotation: tuple[Tensor, Tensor], blocks: list[tuple[int, int]]) -> Tensor:
        x = x + self.attention(self.attention_norm(x), rotation, blocks)
        return x + self.ffn(self.ffn_norm(x))


class Attention(nn.Module):
    """Grouped-query causal attention. One matrix holds query, key and value rows, in that order."""

    def __init__(self, shape: Shape) -> None:
        super().__init__()
        self.heads, self.kv_heads, self.head_dim = shape.heads, shape.kv_heads, shape.head_dim
        self.neox = shape.arch == "qwen3"
        self.qkv = nn.Linear(shape.width, (shape.heads + 2 * shape.kv_heads) * shape.head_dim, bias=False)
        self.out = nn.Linear(shape.heads * shape.head_dim, shape.width, bias=False)
        if self.neox:
            self.q_norm = nn.RMSNorm(shape.head_dim, eps=RMS_EPSILON)
            self.k_norm = nn.RMSNorm(shape.head_dim, eps=RMS_EPSILON)

    def forward(self, x: Tensor, rotation: tuple[Tensor, Tensor], blocks: list[tuple[int, int]]) -> Tensor:
        q, k, v = (
            self.qkv(x).unflatten(-1, (-1, self.head_dim)).split([self.heads, self.kv_heads, self.kv_heads], dim=1)
        )
        if self.neox:
            q, k = _head_norm(q, self.q_norm), _head_norm(k, self.k_norm)
        turn = _turn_halves if self.neox else _turn_pairs
        q, k = turn(q, *rotation).to(v.dtype), turn(k, *rotation).to(v.dtype)
        sizes = [count * length for count, length in blocks]
        parts = [
            self._attend(*piece, *block)
            for *piece, block in zip(q.split(sizes), k.split(sizes), v.split(sizes), blocks, strict=True)
        ]
        return self.out(torch.cat(parts))

    def _attend(self, q: Tensor, k: Tensor, v: Tensor, count: int, length: int) -> Tensor:
        """One block: ``[count·length, heads, head_dim]`` to ``[count·length, heads·head_dim]``."""
        q, k, v = (part.unflatten(0, (count, length)).transpose(1, 2) for part in (q, k, v))
        if q.device.type != "cpu":
            mixed = F.scaled_dot_product_attention(q, k, v, is_causal=True, enable_gqa=True)
        else:
            mixed = _grouped_attention(q, k, v)
        return mixed.transpose(1, 2).reshape(count * length, -1)


class FeedForward(nn.Module):
    """SwiGLU. One matrix holds the gate rows, then the up rows."""

    def __init__(self, shape: Shape) -> None:
        super().__init__()
        self.gate_up = nn.Linear(shape.width, 2 * shape.ffn, bias=False)
        self.down = nn.Linear(shape.ffn, shape.width, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        gate, up = self.gate_up(x).chunk(2, dim=-1)
        return self.down(F.silu(gate) * up)


def _head_norm(x: Tensor, norm: nn.RMSNorm) -> Tensor:
    """`norm` over the last axis, in the precision of `x`."""
    return F.rms_norm(x, norm.normalized_shape, norm.weight.to(x.dtype), norm.eps)


def _angles(shape: Shape) -> Tensor:
    """Rotation angles ``[context, head_dim / 2]`` (Su et al., RoFormer, section 3.4.2)."""
    speed = shape.rope_base ** (-torch.arange(0, shape.head_dim, 2) / shape.head_dim)
    return torch.outer(torch.arange(shape.context).float(), speed)


def _turn_pairs(x: Tensor, cos: Tensor, sin: Tensor) -> Tensor:
    """Rotate components (0, 1), (2, 3), … of ``[N, heads, head_dim]``."""
    a, b = x[..., 0::2], x[..., 1::2]
    return torch.stack((a * cos - b * sin, a * sin + b * cos), dim=-1).flatten(-2)


def _turn_halves(x: Tensor, cos: Tensor, sin: Tensor) -> Tensor:
    """Rotate components (i, i + head_dim/2) of ``[N, heads, head_dim]``."""
    a, b = x.chunk(2, dim=-1)
    return torch.cat((a * cos - b * sin, a * sin + b * cos), dim=-1)


def _grouped_attention(q: Tensor, k: Tensor, v: Tensor) -> Tensor:
    """Causal attention by plain matrix products: on a CPU, for short rows in bf16, faster than the fused one.

    q ``[B, heads, T, head_dim]``, k and v ``[B, kv_heads, T, head_dim]``; the query heads of a group share one product.
    """
    count, heads, length, size = q.shape
    kv_heads = k.shape[1]
    future = torch.full((length, length), float("-inf"), dtype=q.dtype, device=q.device).triu(1)
    q = (q * size**-0.5).reshape(count, kv_heads, -1, size)
    scores = (q @ k.transpose(-1, -2)).view(count, heads, length, length) + future
    weights = torch.softmax(scores, dim=-1).to(v.dtype)
    return (weights.view(count, kv_heads, -1, length) @ v).view(count, heads, length, size)
