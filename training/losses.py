"""The losses that training minimises, and the accuracies that it reports."""

from __future__ import annotations

import random

import torch
from batches import PAGE, make_batch
from forward import NO_TARGET, Mode, Network, forward
from text import KINDS, Texts
from torch.nn import functional as F
from transformers import UnlimitedOcrForConditionalGeneration

from optical_memory.readers.pocket.reader import LADDER

HELD_OUT_LINES = 48  # lines of a page that the decoder is asked about in the table


def cross_entropy(logits: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
    """The mean loss of (b, n, vocab) logits over the cells that have a target."""
    return F.cross_entropy(logits.float().flatten(0, 1), target.flatten(), ignore_index=NO_TARGET)


class Balance:
    """Switch Transformer's load-balancing loss (Fedus et al. 2021, eq. 4), averaged over the sparse
    layers.
    """

    def __init__(self, model: UnlimitedOcrForConditionalGeneration) -> None:
        self.gates: list[torch.Tensor] = []
        for layer in model.model.language_model.layers:
            if hasattr(layer.mlp, "gate"):
                layer.mlp.gate.register_forward_hook(self._keep)

    def _keep(self, _module, _inputs, outputs) -> None:
        self.gates.append(outputs[0])

    def loss(self) -> torch.Tensor:
        losses = []
        for logits in self.gates:
            share = logits.softmax(-1)
            n_experts = share.shape[-1]
            picks = F.one_hot(share.topk(2, dim=-1).indices, n_experts).float().sum(1).mean(0) / 2
            losses.append(n_experts * (picks * share.mean(0)).sum())
        self.gates.clear()
        return torch.stack(losses).mean()


# ---- accuracies ----------------------------------------------------------------------------------


def accuracy(logits: torch.Tensor, target: torch.Tensor) -> float:
    """The share of the cells with a target that are read right."""
    counts = target != NO_TARGET
    return float((logits.argmax(-1) == target)[counts].float().mean())


def held_out_table(
    network: Network, held_out: Texts, device: str, n_pages: int
) -> dict[str, float]:
    """Accuracy on held-out text by rung and kind of text: the decoder in one masked pass, and the
    grid head beside it.
    """
    rng = random.Random(1234)
    table = {}
    for part in network:
        part.eval()
    with torch.no_grad():
        for rung in LADDER if n_pages else ():
            for kind in KINDS:
                batch = make_batch(held_out, rung.side_px, PAGE, n_pages, rng, HELD_OUT_LINES, kind)
                logits = forward(network, batch, rng, Mode(), device)
                name = f"{rung.name}/{kind.rstrip('_')}"
                table[name] = round(accuracy(logits.decoder, logits.decoder_target), 4)
                table[name + "/grid"] = round(accuracy(logits.grid, logits.grid_target), 4)
    for part in network:
        part.train()
    return table
