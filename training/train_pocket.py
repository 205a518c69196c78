"""Train pocket on pages that the project's own renderer draws: flat, resumable, on two CPU cores or
one GPU.

    python training/train_pocket.py --text FOLDER --run runs/pocket            # a constructed start, or on with the run
    python training/train_pocket.py --text FOLDER --run runs/next --start optical_memory/readers/pocket/checkpoint

On a GPU in bfloat16 and compiled (--device cuda --workers 12), pages drawn meanwhile by worker
processes. Stops by itself after --minutes; saves every --save-every steps and on SIGTERM. SIGSTOP
and SIGCONT pause it.
"""

from __future__ import annotations

import argparse
import json
import math
import multiprocessing
import random
import signal
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from queue import Full

import numpy as np
import torch
from safetensors.torch import load_file, save_file
from start import new_model  # type: ignore[import-not-found]  # beside this script
from text import KINDS, Texts, page_codes  # type: ignore[import-not-found]  # beside this script
from torch.nn import functional as F
from transformers import DynamicCache, UnlimitedOcrForConditionalGeneration

from optical_memory.pages import Grid
from optical_memory.profiles import PX_PER_TOKEN
from optical_memory.readers.pocket import network as pm
from optical_memory.readers.pocket.charset import CHARSET
from optical_memory.readers.pocket.reader import LADDER, PocketReader
from optical_memory.renderers.drawing import draw_cells

cli = argparse.ArgumentParser(
    description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
)
cli.add_argument(
    "--text", type=Path, required=True, help="folder with en_*.txt.xz and code_*.txt.xz"
)
cli.add_argument("--run", type=Path, required=True, help="where weights and the log are written")
cli.add_argument(
    "--start", type=Path, help="folder with model.safetensors and cells.safetensors to start from"
)
cli.add_argument("--minutes", type=float, default=600)
cli.add_argument(
    "--lr", type=float, default=2e-5, help="peak learning rate of the encoder and the grid head"
)
cli.add_argument("--read-lr", type=float, default=3e-4, help="peak learning rate of the decoder")
cli.add_argument(
    "--decay-minutes",
    type=float,
    default=0,
    help="bring the rate to 5 %% over the last so many minutes",
)
cli.add_argument(
    "--see-steps",
    type=int,
    default=300,
    help="steps in which the grid head alone teaches the encoder",
)
cli.add_argument(
    "--read-share",
    type=float,
    default=0.7,
    help="share of later steps that train the decoder alone",
)
cli.add_argument(
    "--noise", type=float, default=0.04, help="largest token noise, as a share of a token's absmax"
)
cli.add_argument("--save-every", type=int, default=100)
cli.add_argument("--table-every", type=int, default=400)
cli.add_argument(
    "--table-pages",
    type=int,
    default=1,
    help="held-out pages for each rung and kind of text; 0: no table",
)
cli.add_argument("--batch", type=int, default=1, help="times the pages of a step")
cli.add_argument("--workers", type=int, default=1, help="processes that draw pages")
cli.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
cli.add_argument("--seed", type=int, default=0)

PAGE, WIDE = (
    Grid(),
    Grid(text_columns=1),
)  # what the product draws, and the same cells with no gutter

# ---- buckets: (side in px, pages a step, share of the steps) -------------------------------------

BUCKETS = [(512, 4, 0.45), (640, 3, 0.30), (1024, 1, 0.25)]
LINES = 48  # lines of a page that the decoder is asked about in a step

# ---- one batch -----------------------------------------------------------------------------------


def make_batch(
    texts: Texts,
    side: int,
    grid: Grid,
    pages: int,
    rng: random.Random,
    lines: int,
    kind: str | None = None,
):
    """Pages of one size: pictures (b, s, s), codes (b, rows, columns), and the lines (row, column)
    to ask about.
    """
    codes = np.stack([page_codes(texts, grid, rng, kind) for _ in range(pages)])
    images = np.stack([draw_cells(c, side) for c in codes])
    starts = [
        (y, k * (grid.measure + grid.gutter))
        for y in range(grid.rows)
        for k in range(grid.text_columns)
    ]
    full = [
        s for s in starts if (codes[:, s[0], s[1] : s[1] + grid.measure] != 32).sum() > 8 * pages
    ]
    return side, grid, images, codes, rng.sample(full, min(len(full), lines * 63 // grid.measure))


def random_batch(texts: Texts, rng: random.Random, times: int):
    side, pages, _ = rng.choices(BUCKETS, [k[2] for k in BUCKETS])[0]
    return make_batch(texts, side, PAGE if rng.random() < 0.8 else WIDE, pages * times, rng, LINES)


def draw_forever(folder: Path, seed: int, times: int, queue) -> None:
    """A worker process: batches into the queue until it is ended."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # ended by the process that asked for the pages
    texts, rng, parent = Texts(folder), random.Random(seed), multiprocessing.parent_process()
    while parent is not None and parent.is_alive():
        batch = random_batch(texts, rng, times)
        while parent.is_alive():
            with suppress(Full):
                queue.put(batch, timeout=5)
                break


def batches(folder: Path, seed: int, times: int, workers: int) -> Iterator[tuple]:
    """Endless batches from worker processes, which end with this one."""
    context = multiprocessing.get_context("spawn")
    queue = context.Queue(maxsize=2 * workers + 2)
    crew = [
        context.Process(target=draw_forever, args=(folder, seed + i, times, queue), daemon=True)
        for i in range(workers)
    ]
    for worker in crew:
        worker.start()
    while True:
        while queue.empty() and all(worker.is_alive() for worker in crew):
            time.sleep(0.01)
        if not all(worker.is_alive() for worker in crew):
            raise SystemExit("a worker that draws pages has ended; its error is above")
        yield queue.get()


def sample(texts: Texts, seed: int) -> tuple[dict[int, torch.Tensor], torch.Tensor]:
    """What `new_model` starts from: patches by the width of their slots, and how often each token
    id is met.
    """
    rng, found = random.Random(seed), {slots.width: [] for slots in pm.SLOTS}
    frequency = torch.zeros(pm.VOCAB)
    for side, pages in ((512, 6), (640, 4), (1024, 4)):
        _, grid, images, codes, _ = make_batch(texts, side, PAGE, pages, rng, 0)
        frequency += torch.bincount(
            torch.from_numpy(pm.chars_to_ids(codes)).flatten(), minlength=pm.VOCAB
        )
        width = pm.cell_geometry(
            np.zeros(1, int), np.zeros(1, int), columns=grid.columns, rows=grid.rows, side_px=side
        )
        seen = pm.network_pixels(images)[:, 0].unfold(1, 16, 16).unfold(2, 16, 16).reshape(-1, 256)
        found[pm.SLOTS[width.table].width].append(seen)
    return {width: torch.cat(patches) for width, patches in found.items()}, frequency


# ---- forward -------------------------------------------------------------------------------------


def see(network, pictures: torch.Tensor, where: pm.CellGeometry, noise: float, learn: bool):
    """Tokens (b, n, n, d), noised as a codec would, what every cell is seen as, and the grid head's
    logits.
    """
    model, cells = network
    b, n = len(pictures), pictures.shape[-1] // PX_PER_TOKEN
    with torch.set_grad_enabled(learn and torch.is_grad_enabled()):
        features = model.model.vision_tower(pictures).last_hidden_state
        tokens = model.model.multi_modal_projector(features).view(b, n, n, -1)
        if noise:
            tokens = tokens + noise * torch.randn_like(tokens) * tokens.detach().abs().amax(
                -1, keepdim=True
            )
        seen = cells.look(tokens, where)
        return tokens, seen, cells.grid_logits(seen)


def read(network, tokens, seen, asked: pm.CellGeometry, previous, lines: int):
    """The decoder's logits (b, lines * measure, vocab): a page's prefix once, all its lines on its
    keys and values.
    """
    model, cells = network
    decoder, embed = model.model.language_model, model.get_input_embeddings()
    queries = cells.queries(asked, seen, embed(previous))
    prefix = pm.decoder_prefix(model, cells, tokens)
    cache, shared = decoder(inputs_embeds=prefix, use_cache=True).past_key_values, DynamicCache()
    for i, layer in enumerate(cache.layers):
        shared.update(
            *(part.repeat_interleave(lines, dim=0) for part in (layer.keys, layer.values)), i
        )
    queries = queries.reshape(len(tokens) * lines, -1, queries.shape[-1])
    positions = prefix.shape[1] + torch.arange(queries.shape[1], device=tokens.device)[None].expand(
        len(queries), -1
    )
    hidden = decoder(
        inputs_embeds=queries, position_ids=positions, past_key_values=shared, use_cache=True
    )
    return model.lm_head(hidden.last_hidden_state).view(len(tokens), -1, pm.VOCAB)


def forward(
    network, batch, rng: random.Random, given_share: float, noise: float, mode: str, device: str
):
    """(decoder logits, targets, grid logits, targets); mode "see": no decoder; "read": encoder as
    is.
    """
    side, grid, images, codes, chosen = batch
    ids = torch.from_numpy(pm.chars_to_ids(codes))
    ink = torch.from_numpy(codes != 32)
    wanted = (
        ink | F.pad(ink, (3, 0))[..., :-3] | F.pad(ink, (0, 1))[..., 1:]
    )  # text, what follows it, single spaces
    target = ids.masked_fill(~wanted, -100).flatten(1).to(device)
    y, x = np.divmod(np.arange(grid.rows * grid.columns), grid.columns)
    where = pm.cell_geometry(x, y, columns=grid.columns, rows=grid.rows, side_px=side).to(device)
    pictures = pm.network_pixels(images).to(device)
    tokens, seen, grid_logits = see(network, pictures, where, noise, mode != "read")
    if mode == "see":
        return None, None, grid_logits, target

    measure = grid.measure
    at = np.concatenate([row * grid.columns + start + np.arange(measure) for row, start in chosen])
    previous = ids.flatten(1)[:, at]
    previous = torch.where(
        torch.rand(previous.shape) < 0.03,
        torch.randint(pm.FIRST_CHAR, pm.FIRST_CHAR + len(CHARSET), previous.shape),
        previous,
    )
    given = torch.tensor([rng.random() < given_share for _ in chosen]).repeat_interleave(measure)
    given = given & (
        torch.rand(given.shape) < rng.choice((0.5, 1.0, 1.0))
    )  # some of a line, or all of it
    given[::measure] = False
    previous = torch.where(given, previous.roll(1, dims=1), pm.MASK).to(device)
    logits = read(
        network, tokens, seen[:, at], where[torch.from_numpy(at).to(device)], previous, len(chosen)
    )
    return logits, target[:, at], grid_logits, target


def accuracy(logits: torch.Tensor, target: torch.Tensor) -> float:
    keep = target != -100
    return float((logits.argmax(-1) == target)[keep].float().mean())


class Balance:
    """Switch Transformer's load-balancing loss (Fedus et al. 2021, eq. 4), averaged over the sparse
    layers.
    """

    def __init__(self, model) -> None:
        self.gates: list[torch.Tensor] = []
        for layer in model.model.language_model.layers:
            if hasattr(layer.mlp, "gate"):
                layer.mlp.gate.register_forward_hook(lambda _m, _i, out: self.gates.append(out[0]))

    def loss(self) -> torch.Tensor:
        losses = []
        for logits in self.gates:
            share = logits.softmax(-1)
            chosen = (
                F.one_hot(share.topk(2, dim=-1).indices, share.shape[-1]).float().sum(1).mean(0) / 2
            )
            losses.append(share.shape[-1] * (chosen * share.mean(0)).sum())
        self.gates.clear()
        return torch.stack(losses).mean()


# ---- held-out table ------------------------------------------------------------------------------


def held_out(network, held: Texts, device: str, pages: int) -> dict[str, float]:
    """Accuracy on held-out text by rung and kind of text: decoder in one masked pass, grid head
    beside it.
    """
    rng, table = random.Random(1234), {}
    for part in network:
        part.eval()
    with torch.no_grad():
        for rung in LADDER:
            for kind in KINDS if pages else ():
                batch = make_batch(held, rung.side_px, PAGE, pages, rng, 48, kind)
                result = forward(network, batch, rng, 0.0, 0.0, "both", device)
                name = f"{rung.name}/{kind.rstrip('_')}"
                table[name] = round(accuracy(result[0], result[1]), 4)
                table[name + "/grid"] = round(accuracy(result[2], result[3]), 4)
    for part in network:
        part.train()
    return table


def save(run: Path, network, optimizer, state: dict) -> None:
    for name, part in zip(("model", "cells"), network, strict=True):
        save_file(part.state_dict(), run / f"{name}.safetensors.tmp")
        (run / f"{name}.safetensors.tmp").rename(run / f"{name}.safetensors")
    torch.save(optimizer.state_dict(), run / "optimizer.pt.tmp")
    (run / "optimizer.pt.tmp").rename(run / "optimizer.pt")
    (run / "state.json.tmp").write_text(json.dumps(state))
    (run / "state.json.tmp").rename(run / "state.json")


# ---- the loop ------------------------------------------------------------------------------------


def load(args) -> tuple[list[torch.nn.Module], dict]:
    """The run's own weights, a checkpoint's (a shipped one has the published key names), or a
    constructed start.
    """
    if (args.run / "model.safetensors").exists():
        network = [UnlimitedOcrForConditionalGeneration(pm.pocket_config()), pm.Cells()]
        for part, name in zip(network, ("model", "cells"), strict=True):
            part.load_state_dict(load_file(args.run / f"{name}.safetensors"))
        return network, json.loads((args.run / "state.json").read_text())
    if args.start:
        loaded = PocketReader(args.start)._network
        return [loaded.model, loaded.cells], {"step": 0, "minutes": 0.0}
    return list(new_model(*sample(Texts(args.text), args.seed), seed=args.seed)), {
        "step": 0,
        "minutes": 0.0,
    }


def main() -> None:
    args = cli.parse_args()
    args.run.mkdir(parents=True, exist_ok=True)
    torch.manual_seed(args.seed)
    if args.device == "cpu":
        torch.set_num_threads(2)
    network, state = load(args)
    drawn = batches(args.text, args.seed + 104729 * state["step"], args.batch, args.workers)
    held = Texts(args.text, held_out=True)
    model, cells = network = [part.to(args.device).train() for part in network]
    balance = Balance(model)
    vision = [
        *model.model.vision_tower.parameters(),
        *model.model.multi_modal_projector.parameters(),
    ]
    vision += [*cells.lookups.parameters(), *cells.grid_head.parameters()]
    mine = {id(p) for p in vision}
    reading = [p for p in [*model.parameters(), *cells.parameters()] if id(p) not in mine]
    params = [*vision, *reading]
    print(
        f"{sum(p.numel() for p in params) / 1e6:.2f} M parameters, from step {state['step']}",
        flush=True,
    )
    groups = [{"params": vision, "peak": args.lr}, {"params": reading, "peak": args.read_lr}]
    optimizer = torch.optim.AdamW(groups, lr=args.lr, betas=(0.9, 0.99), weight_decay=0.0)
    if (args.run / "optimizer.pt").exists():
        optimizer.load_state_dict(torch.load(args.run / "optimizer.pt", weights_only=True))
    if args.device == "cuda":
        model.model.vision_tower.compile()
        model.model.language_model.compile()
    stop: list[int] = []
    for name in (signal.SIGTERM, signal.SIGINT):
        signal.signal(name, lambda number, _: stop.append(number))
    log = (args.run / "log.jsonl").open("a")
    rng, began, warm_from, tally = random.Random(state["step"]), time.time(), state["step"], {}
    while not stop and (minutes := (time.time() - began) / 60) < args.minutes:
        rate = min(1, (state["step"] - warm_from + 1) / 50)
        if args.decay_minutes:
            rate *= max(0.05, min(1, (args.minutes - minutes) / args.decay_minutes))
        for group in optimizer.param_groups:
            group["lr"] = rate * group["peak"]
        batch = next(drawn)
        mode = (
            "see" if state["step"] < args.see_steps or rng.random() >= args.read_share else "read"
        )
        with torch.autocast(args.device, torch.bfloat16, enabled=args.device == "cuda"):
            logits, target, grid_logits, grid_target = forward(
                network, batch, rng, 0.3, args.noise * rng.random(), mode, args.device
            )
        loss = grid_logits.new_zeros((), dtype=torch.float32)
        if mode == "see":
            loss = F.cross_entropy(
                grid_logits.float().flatten(0, 1), grid_target.flatten(), ignore_index=-100
            )
        if logits is not None:
            loss = loss + F.cross_entropy(
                logits.float().flatten(0, 1), target.flatten(), ignore_index=-100
            )
            loss = loss + 0.01 * balance.loss()
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        norm = torch.nn.utils.clip_grad_norm_(params, 1.0)
        if math.isfinite(float(norm)):
            optimizer.step()
        state["step"] += 1
        right = (
            math.nan if logits is None else accuracy(logits, target),
            accuracy(grid_logits, grid_target),
        )
        tally.setdefault(f"{mode} {batch[0]}", []).append((float(loss.detach()), *right))
        if state["step"] % 20 == 0:
            line = {
                k: [round(float(v), 4) for v in np.mean(t, axis=0)]
                for k, t in sorted(tally.items())
            }
            print(f"step {state['step']} {minutes:.1f} min lr {rate:.2f} {line}", flush=True)
            tally.clear()
        if state["step"] % args.save_every == 0:
            save(args.run, network, optimizer, {**state, "minutes": state["minutes"] + minutes})
        if state["step"] % args.table_every == 0:
            row = {"step": state["step"], "minutes": round(state["minutes"] + minutes, 1)}
            row |= held_out(network, held, args.device, args.table_pages)
            balance.gates.clear()
            log.write(json.dumps(row) + "\n")
            log.flush()
            print(row, flush=True)
    state["minutes"] += (time.time() - began) / 60
    save(args.run, network, optimizer, state)
    print(
        "stopped at step",
        state["step"],
        held_out(network, held, args.device, args.table_pages),
        flush=True,
    )


if __name__ == "__main__":
    main()
