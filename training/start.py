"""A start from which looking is easier than guessing: fresh weights for pocket, arranged so that it learns at once.

Random weights learn the language first and the picture late or never; LOG.md has what was tried.
"""

from __future__ import annotations

import math

import torch
from torch import nn
from transformers import UnlimitedOcrForConditionalGeneration

from optical_memory.readers.pocket_model import CODE, HIDDEN, Cells, pocket_config


def new_model(seed: int = 0) -> tuple[UnlimitedOcrForConditionalGeneration, Cells]:
    """Fresh weights, arranged so that the first decoder layer already looks at the token under the cell.

    Row and column vectors are orthogonal codes in the first 40 dimensions, which the projector and the queries leave
    alone; layer 0 compares just these (in rotary dimensions too slow to turn) and copies what it finds.
    """
    torch.manual_seed(seed)
    model = UnlimitedOcrForConditionalGeneration(pocket_config())
    cells = Cells()
    _start_codes(cells)
    with torch.no_grad():
        model.model.multi_modal_projector.weight[: 2 * CODE] = 0
        model.get_input_embeddings().weight[:, : 2 * CODE] = 0
        for vector in (model.model.image_newline, model.model.view_separator):
            vector.normal_(0, 0.02)
        _look_under_the_cell(model)
        _see_ink(model.model.vision_tower)
        _pass_patches_on(model)
        for name, weight in model.model.language_model.named_parameters():
            if "gate_proj" in name or "up_proj" in name:
                weight *= 2.5  # a gated lookup starts at a saddle when both factors are small
    return model, cells


def _start_codes(cells: Cells) -> None:
    with torch.no_grad():
        for vectors, at in ((cells.row_vectors, 0), (cells.column_vectors, CODE)):
            basis, _ = torch.linalg.qr(torch.randn(CODE, CODE))
            vectors[:, at : at + CODE] = basis * math.sqrt(CODE)
        for linear, gain in ((cells.place[0], 2.0), (cells.place[2], 0.5), (cells.seen, 1.0)):
            linear.weight.normal_(0, gain / math.sqrt(linear.in_features))
        for linear in (cells.place[2], cells.seen):
            linear.weight[: 2 * CODE] = 0
            linear.bias[: 2 * CODE] = 0


def _see_ink(vision: nn.Module) -> None:
    """White paper gives zero, ink of a usual page gives unit variance, and the MLPs start out of their linear part."""
    patches = vision.sam_encoder.patch_embed.projection
    patches.weight.normal_(0, 0.047)
    patches.bias.copy_(-patches.weight.sum((1, 2, 3)))
    for name, weight in vision.named_parameters():
        if ".mlp." in name and weight.ndim == 2:
            weight.normal_(0, 1 / math.sqrt(weight.shape[1]))


def _pass_patches_on(model: UnlimitedOcrForConditionalGeneration) -> None:
    """The compressor starts as space-to-depth: each of a token's 16 patches keeps 16 of its 256 channels.

    The projector copies these channels behind the code dimensions; the CLIP side joins in from near zero.
    """
    compressor = model.model.vision_tower.sam_encoder.proj
    for conv in (compressor.conv1, compressor.conv2):
        out, inner = conv.weight.shape[:2]
        conv.weight.normal_(0, 0.003)
        for i, (dy, dx) in enumerate(((1, 1), (1, 2), (2, 1), (2, 2))):
            basis, _ = torch.linalg.qr(torch.randn(inner, inner))
            conv.weight[i * out // 4 : (i + 1) * out // 4, :, dy, dx] = basis[: out // 4]
    projector, sam_width = model.model.multi_modal_projector.weight, compressor.conv2.out_channels
    projector.normal_(0, 0.01)
    projector[: 2 * CODE] = 0
    projector[2 * CODE : 2 * CODE + sam_width, -sam_width:] += torch.eye(sam_width)


def _look_under_the_cell(model: UnlimitedOcrForConditionalGeneration, sharpness: float = 1.6) -> None:
    attention = model.model.language_model.layers[0].self_attn
    heads, width = model.config.text_config.num_attention_heads, HIDDEN // model.config.text_config.num_attention_heads
    select = torch.zeros(width, HIDDEN)
    half = width // 2
    for i in range(CODE):  # rotary pairs are (i, i + half); the last ones hardly turn
        select[half - CODE + i, i] = sharpness
        select[width - CODE + i, CODE + i] = sharpness
    attention.q_proj.weight.copy_(select.repeat(heads, 1))
    attention.k_proj.weight.copy_(select.repeat(heads, 1))
    basis, _ = torch.linalg.qr(torch.randn(HIDDEN, HIDDEN))
    attention.v_proj.weight.copy_(basis)
    attention.o_proj.weight.copy_(basis.T)
