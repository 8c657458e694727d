"""How weights move: Muon for the hidden matrices, AdamW for embeddings, head and norms, one schedule for both."""

from __future__ import annotations

from torch.optim import AdamW, Muon, Optimizer

from tools.zoo.training.network import Network

MUON_SCALE = 4.0
"""Muon's rate over AdamW's."""


def optimizers(network: Network, peak_lr: float) -> list[Optimizer]:
    """The optimizers of `network`; every parameter group keeps its peak rate under ``peak``."""
    hidden = [weight for weight in network.layers.parameters() if weight.dim() == 2]
    norms = [weight for weight in network.parameters() if weight.dim() == 1]
    chosen = {id(weight) for weight in (*hidden, *norms)}
    outer = [weight for weight in network.parameters() if id(weight) not in chosen]
    groups = [{"params": outer, "weight_decay": 0.01}, {"params": norms, "weight_decay": 0.0}]
    found = [
        Muon(hidden, lr=peak_lr * MUON_SCALE, weight_decay=0.01, momentum=0.95),
        AdamW(groups, lr=peak_lr, betas=(0.9, 0.95), fused=True),
    ]
    for optimizer in found:
        for group in optimizer.param_groups:
            group["peak"] = group["lr"]
    return found


def schedule(step: int, steps: int, warmup: int) -> float:
    """The share of the peak rate at `step`: a linear rise over `warmup` steps, then a linear fall to zero."""
    return min((step + 1) / warmup, max(0.0, (steps - step) / max(1, steps - warmup)))
