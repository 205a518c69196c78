"""Train pocket on pages that the project's own renderer draws: flat, resumable, on two CPU cores or one GPU.

    python training/train_pocket.py --text FOLDER --run runs/pocket            # from scratch, or goes on with the run
    python training/train_pocket.py --text FOLDER --run runs/next --start optical_memory/readers/checkpoints/pocket

Stops by itself after --minutes; saves every --save-every steps and on SIGTERM. SIGSTOP and SIGCONT pause it.
"""

from __future__ import annotations

import argparse
import json
import math
import random
import signal
import threading
import time
from pathlib import Path
from queue import Queue

import numpy as np
import torch
from safetensors.torch import load_file, save_file
from start import new_model  # type: ignore[import-not-found]  # beside this script
from text import Texts, page_codes  # type: ignore[import-not-found]  # beside this script
from torch.nn import functional as F

from optical_memory.pages import Grid
from optical_memory.readers import pocket_model as pm
from optical_memory.readers.pocket import PocketReader
from optical_memory.renderers.drawing import draw_cells

cli = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
cli.add_argument("--text", type=Path, required=True, help="folder with en_*.txt.xz and code_*.txt.xz")
cli.add_argument("--run", type=Path, required=True, help="where weights and the log are written")
cli.add_argument("--start", type=Path, help="folder with model.safetensors and cells.safetensors to start from")
cli.add_argument("--minutes", type=float, default=600)
cli.add_argument("--lr", type=float, default=1e-3, help="peak learning rate")
cli.add_argument("--decay-minutes", type=float, default=0, help="bring the rate to 5 %% over the last so many minutes")
cli.add_argument("--easy-steps", type=int, default=250, help="steps of the curriculum's first part")
cli.add_argument("--grid-steps", type=int, default=4000, help="steps in which the grid head alone teaches the encoder")
cli.add_argument("--read-share", type=float, default=0.5, help="share of later steps that train the decoder alone")
cli.add_argument("--together", action="store_true", help="encoder and decoder in every step: slow, for the end")
cli.add_argument("--save-every", type=int, default=100)
cli.add_argument("--seed", type=int, default=0)
args = cli.parse_args()
args.run.mkdir(parents=True, exist_ok=True)
torch.manual_seed(args.seed)
torch.set_num_threads(2)
PAGE = Grid()  # what the product draws

# ---- buckets: (side in px, grid, pages a step, share of the steps) --------------------------------------------------
# Quarters of Large and Base pages first (16 and 25 cells a visual token), then what the product draws.

EASY = [
    (512, Grid(32, 32), 3, 0.5),
    (512, Grid(40, 40), 3, 0.5),
]
FULL = [
    (512, Grid(40, 40), 3, 0.12),
    (1024, PAGE, 1, 0.56),
    (1280, PAGE, 1, 0.16),
    (640, PAGE, 2, 0.12),
    (512, PAGE, 3, 0.04),
]

# ---- model ----------------------------------------------------------------------------------------------------------

model, cells = new_model(args.seed)
state = {"step": 0, "minutes": 0.0}
source = args.run if (args.run / "model.safetensors").exists() else args.start
if source and source is args.start:  # a shipped checkpoint has the published key names: the reader loads it, strictly
    network = PocketReader(source)._network
    model, cells = network.model.train(), network.cells.train()
elif source:
    model.load_state_dict(load_file(source / "model.safetensors"))
    cells.load_state_dict(load_file(source / "cells.safetensors"))
if source:
    if source is args.start:
        args.easy_steps = args.grid_steps = 0
    if (source / "state.json").exists():
        state = json.loads((source / "state.json").read_text())
params = [*model.parameters(), *cells.parameters()]
print(f"{sum(p.numel() for p in params) / 1e6:.2f} M parameters, starting at step {state['step']} from {source}")
matrices = [p for p in params if p.ndim >= 2]
optimizer = torch.optim.AdamW(
    [{"params": matrices, "weight_decay": 0.01}, {"params": [p for p in params if p.ndim < 2], "weight_decay": 0.0}],
    lr=args.lr,
    betas=(0.9, 0.97),
    eps=1e-8,
)
if source is args.run and (args.run / "optimizer.pt").exists():
    optimizer.load_state_dict(torch.load(args.run / "optimizer.pt", weights_only=True))

gates: list[torch.Tensor] = []
for layer in model.model.language_model.layers:
    if hasattr(layer.mlp, "gate"):
        layer.mlp.gate.register_forward_hook(lambda _m, _i, out: gates.append(out[0]))


def balance_loss() -> torch.Tensor:
    """Switch Transformer's load-balancing loss (Fedus et al. 2021, eq. 4), averaged over the sparse layers."""
    losses = []
    for logits in gates:
        share = logits.softmax(-1)
        chosen = F.one_hot(share.topk(2, dim=-1).indices, share.shape[-1]).float().sum(1).mean(0) / 2
        losses.append(share.shape[-1] * (chosen * share.mean(0)).sum())
    gates.clear()
    return torch.stack(losses).mean()


# ---- one batch ------------------------------------------------------------------------------------------------------


def make_batch(texts: Texts, bucket: tuple[int, Grid, int, float], rng: random.Random, lines: int = 20):
    """Pages of one size: pixels (b, 3, s, s), all codes (b, rows, columns), and the lines to ask the decoder about."""
    side, grid, b, _ = bucket
    codes = np.stack([page_codes(texts, grid, rng) for _ in range(b)])
    images = np.stack([draw_cells(c, side) for c in codes])
    starts = [(y, k * (grid.measure + grid.gutter)) for y in range(grid.rows) for k in range(grid.text_columns)]
    full = [s for s in starts if (codes[:, s[0], s[1] : s[1] + grid.measure] != 32).sum() > 8 * b]
    chosen = rng.sample(full, min(len(full), lines))
    return side, grid, images, codes, chosen


def pixels(images: np.ndarray) -> torch.Tensor:
    return (torch.from_numpy(images).float() / 127.5 - 1)[:, None].expand(-1, 3, -1, -1)


def line_mask(prefix: int, n_lines: int, measure: int) -> torch.Tensor:
    """(1, 1, T, T) additive: the prefix is causal; a line sees the prefix and its own past only."""
    total = prefix + n_lines * measure
    line = torch.cat([torch.full((prefix,), -1), torch.arange(n_lines).repeat_interleave(measure)])
    position = torch.arange(total)
    allowed = (position[None] <= position[:, None]) & ((line[None] == -1) | (line[None] == line[:, None]))
    return torch.zeros(total, total).masked_fill(~allowed, torch.finfo(torch.float32).min)[None, None]


def forward(batch, rng: random.Random, given_share: float = 0.3, noise: float = 0.02, mode: str = "both"):
    """Decoder logits and targets on the chosen lines, grid head logits and targets on all text cells.

    `mode` "see" leaves the decoder out, "read" leaves the encoder as it is.
    """
    side, grid, images, codes, chosen = batch
    b, measure = len(codes), grid.measure
    n = side // 64
    with torch.set_grad_enabled(torch.is_grad_enabled() and mode != "read"):
        features = model.model.vision_tower(pixels(images)).last_hidden_state
        tokens = model.model.multi_modal_projector(features).view(b, n, n, -1)
    if noise:  # what the token codecs do
        tokens = tokens + noise * rng.random() * torch.randn_like(tokens) * tokens.detach().abs().amax(-1, keepdim=True)
    ids = torch.from_numpy(pm.chars_to_ids(codes))
    ink = torch.from_numpy(codes != 32)
    wanted = ink | F.pad(ink, (3, 0))[..., :-3] | F.pad(ink, (0, 1))[..., 1:]  # text, what follows it, single spaces

    y, x = np.divmod(np.arange(grid.rows * grid.columns), grid.columns)
    where = pm.cell_geometry(x, y, columns=grid.columns, rows=grid.rows, side_px=side)
    grid_logits = cells.grid_logits(cells.look(tokens, where))
    grid_target = ids.flatten(1).masked_fill(~wanted.flatten(1), -100)

    if mode == "see":
        return None, None, grid_logits, grid_target
    at = np.concatenate([row * grid.columns + start + np.arange(measure) for row, start in chosen])
    target = ids.flatten(1)[:, at]
    previous = torch.where(torch.rand(target.shape) < 0.05, torch.randint(8, 231, target.shape), target).roll(1, dims=1)
    given = torch.tensor([rng.random() < given_share for _ in chosen]).repeat_interleave(measure)
    given[::measure] = False
    embed = model.get_input_embeddings()
    previous = torch.where(given, previous, pm.MASK)
    asked = where[torch.from_numpy(at)]
    queries = cells.queries(asked, cells.look(tokens, asked), embed(previous))
    prefix = pm.decoder_prefix(model, cells, tokens)
    p = prefix.shape[1]
    positions = torch.cat([torch.arange(p), p + torch.arange(measure).repeat(len(chosen))])[None].expand(b, -1)
    hidden = model.model.language_model(
        inputs_embeds=torch.cat([prefix, queries], dim=1),
        attention_mask=line_mask(p, len(chosen), measure).expand(b, -1, -1, -1),
        position_ids=positions,
        use_cache=False,
    ).last_hidden_state[:, p:]
    target = target.masked_fill(~wanted.flatten(1)[:, at], -100)
    return model.lm_head(hidden), target, grid_logits, grid_target


def accuracy(logits: torch.Tensor, target: torch.Tensor) -> float:
    keep = target != -100
    return float((logits.argmax(-1) == target)[keep].float().mean())


# ---- held-out table -------------------------------------------------------------------------------------------------


def held_out() -> dict[str, float]:
    rng = random.Random(1234)
    model.eval()
    table = {}
    with torch.no_grad():
        for name, side in (("large", 1280), ("base", 1024), ("small", 640), ("tiny", 512)):
            results = [forward(make_batch(held, (side, PAGE, 1, 1), rng, 24), rng, 0.0, 0.0) for _ in range(3)]
            table[name] = round(float(np.mean([accuracy(r[0], r[1]) for r in results])), 4)
            table[name + "_grid"] = round(float(np.mean([accuracy(r[2], r[3]) for r in results])), 4)
    gates.clear()
    model.train()
    return table


def save() -> None:
    save_file(model.state_dict(), args.run / "model.safetensors.tmp")
    save_file(cells.state_dict(), args.run / "cells.safetensors.tmp")
    torch.save(optimizer.state_dict(), args.run / "optimizer.pt")
    for name in ("model", "cells"):
        (args.run / f"{name}.safetensors.tmp").rename(args.run / f"{name}.safetensors")
    (args.run / "state.json").write_text(json.dumps(state))


# ---- the loop -------------------------------------------------------------------------------------------------------

train, held = Texts(args.text), Texts(args.text, held_out=True)
rng = random.Random(args.seed + 7919 * state["step"])
batches: Queue = Queue(maxsize=4)


def feed() -> None:
    feed_rng, step = random.Random(args.seed + 104729 * (state["step"] + 1)), state["step"]
    while True:
        buckets = EASY if step < args.easy_steps else FULL
        bucket = feed_rng.choices(buckets, [k[3] for k in buckets])[0]
        try:
            batches.put(make_batch(train, bucket, feed_rng))
        except BaseException as error:  # handed to the loop, which raises it
            batches.put(error)
            return
        step += 1


threading.Thread(target=feed, daemon=True).start()
stop = False


def ask_to_stop(*_: object) -> None:
    global stop
    stop = True


signal.signal(signal.SIGTERM, ask_to_stop)
signal.signal(signal.SIGINT, ask_to_stop)
log = (args.run / "log.jsonl").open("a")
began, warm_from = time.time(), state["step"]
tally: dict[str, list[tuple[float, float, float]]] = {}
while not stop:
    minutes = (time.time() - began) / 60
    if minutes > args.minutes:
        break
    rate = args.lr * min(1, (state["step"] - warm_from + 1) / 30)
    if args.decay_minutes:
        rate *= max(0.05, min(1, (args.minutes - minutes) / args.decay_minutes))
    for group in optimizer.param_groups:
        group["lr"] = rate
    batch = batches.get()
    if isinstance(batch, BaseException):
        raise batch
    mode = "see" if state["step"] < args.grid_steps or rng.random() >= args.read_share else "read"
    if args.together:
        mode = "both"
    logits, target, grid_logits, grid_target = forward(batch, rng, mode=mode)
    seen = F.cross_entropy(grid_logits.flatten(0, 1), grid_target.flatten(), ignore_index=-100)
    loss = seen
    if logits is not None:
        loss = loss + F.cross_entropy(logits.flatten(0, 1), target.flatten(), ignore_index=-100) + 0.01 * balance_loss()
    optimizer.zero_grad(set_to_none=True)
    loss.backward()
    norm = torch.nn.utils.clip_grad_norm_(params, 1.0)
    if math.isfinite(float(norm)):
        optimizer.step()
    state["step"] += 1
    key = f"{batch[0]}/{batch[1].columns}"
    tally.setdefault(key, []).append(
        (
            float(loss.detach()),
            math.nan if logits is None else accuracy(logits, target),
            accuracy(grid_logits, grid_target),
        )
    )
    if state["step"] % 20 == 0:
        line = {k: [round(float(v), 3) for v in np.nanmean(t, axis=0)] for k, t in sorted(tally.items())}
        print(f"step {state['step']} {minutes:.1f} min lr {rate:.1e} {line}", flush=True)
        tally.clear()
    if state["step"] % args.save_every == 0:
        save()
    if state["step"] % 200 == 0:
        row = {"step": state["step"], "minutes": round(state["minutes"] + minutes, 1), **held_out()}
        log.write(json.dumps(row) + "\n")
        log.flush()
        print(row, flush=True)
state["minutes"] += (time.time() - began) / 60
save()
print("stopped at step", state["step"], held_out())
