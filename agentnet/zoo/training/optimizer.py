"""How weights move: Muon for the hidden matrices, AdamW for the rest, one learning-rate schedule for both."""

from __future__ import annotations

from torch.optim import AdamW, Muon, Optimizer

from agentnet.zoo.training.network import Network

MUON_SCALE = 6.0


def optimizers(network: Network, peak_lr: float, muon: bool = False) -> list[Optimizer]:
    """The optimizers of `network`; every parameter group keeps its peak rate under ``peak``."""
    hidden = [weight for weight in network.layers.parameters() if weight.dim() == 2]
    chosen = {id(weight) for weight in hidden}
    if not muon:
        chosen = set()
        
    rest = [weight for weight in network.parameters() if id(weight) not in chosen]
    matrices = [weight for weight in rest if weight.dim() == 2]
    vectors = [weight for weight in rest if weight.dim() == 1]
    groups = [{"params": matrices, "weight_decay": 0.01}, {"params": vectors, "weight_decay": 0.0}]
    found: list[Optimizer] = [AdamW(groups, lr=peak_lr, betas=(0.9, 0.95), fused=True)]
    if muon:
        found.append(Muon(hidden, lr=peak_lr * MUON_SCALE, weight_decay=0.01, momentum=0.95))
    for optimizer in found:
        for group in optimizer.param_groups:
            group["peak"] = group["lr"]
    return found


def schedule(step: int, steps: int, warmup: int) -> float:
    """The share of the peak rate at `step`: a linear rise over `warmup` steps, then a linear fall to zero at `steps`."""
    return min((step + 1) / warmup, max(0.0, (steps - step) / max(1, steps - warmup)))
