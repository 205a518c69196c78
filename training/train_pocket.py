r"""Train pocket on pages that the project's own renderer draws: resumable, on two CPU cores or one
GPU.

    python training/train_pocket.py --text FOLDER --run runs/pocket
    python training/train_pocket.py --text FOLDER --run runs/next \
        --start optical_memory/readers/pocket/checkpoint

A new run begins at a constructed start, or at the checkpoint --start; an old run goes on. On a GPU
in bfloat16 and compiled (--device cuda --workers 12); worker processes draw pages meanwhile. Stops
by itself after --minutes; saves every --save-every steps and on SIGTERM. SIGSTOP and SIGCONT pause
it. If other processes use the cores too, set OMP_WAIT_POLICY=PASSIVE (see
`optical_memory.readers.threads`).
"""

from __future__ import annotations

import argparse
import json
import math
import random
import signal
import time
from pathlib import Path

import numpy as np
import torch
from batches import Batch, batches, sample_patches
from forward import Logits, Mode, Network, forward
from losses import Balance, accuracy, cross_entropy, held_out_table
from safetensors.torch import load_file, save_file
from start import new_model
from text import Texts
from transformers import UnlimitedOcrForConditionalGeneration

from optical_memory.readers.pocket import PocketReader
from optical_memory.readers.pocket.network import Cells, pocket_config

WARM_UP_STEPS = 50
GIVEN_SHARE = 0.3  # of the lines, in training
BALANCE_WEIGHT = 0.01  # Fedus et al. 2021
SEED_STEP = 104729  # a prime: runs that go on draw other pages

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


# ---- files ---------------------------------------------------------------------------------------


def load_network(args: argparse.Namespace) -> tuple[Network, dict[str, float]]:
    """The run's own weights, a checkpoint's (it has the published key names), or a constructed
    start; and how far they are.
    """
    if (args.run / "model.safetensors").exists():
        network = Network(UnlimitedOcrForConditionalGeneration(pocket_config()), Cells())
        for part, name in zip(network, Network._fields, strict=True):
            part.load_state_dict(load_file(args.run / f"{name}.safetensors"))
        return network, json.loads((args.run / "state.json").read_text())
    state = {"step": 0, "minutes": 0.0}
    if args.start:
        checkpoint = PocketReader(args.start).network
        return Network(checkpoint.model, checkpoint.cells), state
    patches, frequency = sample_patches(Texts(args.text), args.seed)
    return Network(*new_model(patches, frequency, seed=args.seed)), state


def save(run: Path, network: Network, optimizer: torch.optim.Optimizer, state: dict) -> None:
    for name, part in zip(Network._fields, network, strict=True):
        save_file(part.state_dict(), run / f"{name}.safetensors.tmp")
        (run / f"{name}.safetensors.tmp").rename(run / f"{name}.safetensors")
    torch.save(optimizer.state_dict(), run / "optimizer.pt.tmp")
    (run / "optimizer.pt.tmp").rename(run / "optimizer.pt")
    (run / "state.json.tmp").write_text(json.dumps(state))
    (run / "state.json.tmp").rename(run / "state.json")


# ---- the loop ------------------------------------------------------------------------------------


class Training:
    """A run: its network, its optimizer, and how far it is."""

    def __init__(self, args: argparse.Namespace) -> None:
        self.args = args
        network, self.state = load_network(args)
        self.network = Network(*(part.to(args.device).train() for part in network))
        self.balance = Balance(self.network.model)
        self.optimizer = self._optimizer()
        seed = args.seed + SEED_STEP * self.state["step"]
        self.batches = batches(args.text, seed, args.batch, args.workers)
        self.held_out = Texts(args.text, held_out=True)
        self.rng = random.Random(self.state["step"])
        self.first_step = self.state["step"]
        self.tally: dict[str, list[tuple[float, float, float]]] = {}
        if args.device == "cuda":
            self.network.model.model.vision_tower.compile()
            self.network.model.model.language_model.compile()

    def _optimizer(self) -> torch.optim.Optimizer:
        """Two groups: the encoder with the grid head, and the decoder."""
        model, cells = self.network
        vision = [
            *model.model.vision_tower.parameters(),
            *model.model.multi_modal_projector.parameters(),
            *cells.lookups.parameters(),
            *cells.grid_head.parameters(),
        ]
        vision_ids = {id(weight) for weight in vision}
        weights = [*model.parameters(), *cells.parameters()]
        reading = [weight for weight in weights if id(weight) not in vision_ids]
        self.weights = [*vision, *reading]
        n_weights = sum(weight.numel() for weight in self.weights)
        print(f"{n_weights / 1e6:.2f} M parameters, from step {self.state['step']}", flush=True)
        groups = [
            {"params": vision, "peak": self.args.lr},
            {"params": reading, "peak": self.args.read_lr},
        ]
        optimizer = torch.optim.AdamW(groups, lr=self.args.lr, betas=(0.9, 0.99), weight_decay=0.0)
        file = self.args.run / "optimizer.pt"
        if file.exists():
            optimizer.load_state_dict(torch.load(file, weights_only=True))
        return optimizer

    def run(self) -> None:
        """Steps until the time is up or a signal asks to stop."""
        signals: list[int] = []
        for name in (signal.SIGTERM, signal.SIGINT):
            signal.signal(name, lambda number, _: signals.append(number))
        start = time.time()
        minutes = 0.0
        with (self.args.run / "log.jsonl").open("a") as log:
            while not signals and minutes < self.args.minutes:
                self.step(minutes)
                self.report(minutes, log)
                minutes = (time.time() - start) / 60
        self.state["minutes"] += minutes
        save(self.args.run, self.network, self.optimizer, self.state)
        print("stopped at step", self.state["step"], self.table(), flush=True)

    def step(self, minutes: float) -> None:
        """One step of the optimizer, `minutes` after the run began."""
        for group in self.optimizer.param_groups:
            group["lr"] = self.rate(minutes) * group["peak"]
        batch = next(self.batches)
        mode = self.next_mode()
        device = self.args.device
        with torch.autocast(device, torch.bfloat16, enabled=device == "cuda"):
            logits = forward(self.network, batch, self.rng, mode, device)
        loss = self.loss(logits)
        self.optimizer.zero_grad(set_to_none=True)
        loss.backward()
        norm = torch.nn.utils.clip_grad_norm_(self.weights, 1.0)
        if math.isfinite(float(norm)):
            self.optimizer.step()
        self.state["step"] += 1
        self.count(batch, logits, float(loss.detach()))

    def rate(self, minutes: float) -> float:
        """The share of the peak learning rate: warm-up first, decay at the end."""
        steps = self.state["step"] - self.first_step
        rate = min(1, (steps + 1) / WARM_UP_STEPS)
        if self.args.decay_minutes:
            decay = (self.args.minutes - minutes) / self.args.decay_minutes
            rate *= max(0.05, min(1, decay))
        return rate

    def next_mode(self) -> Mode:
        """Train the encoder with the grid head, or the decoder alone."""
        is_early = self.state["step"] < self.args.see_steps
        sees = is_early or self.rng.random() >= self.args.read_share
        noise = self.args.noise * self.rng.random()
        return Mode(encoder=sees, decoder=not sees, noise=noise, given_share=GIVEN_SHARE)

    def loss(self, logits: Logits) -> torch.Tensor:
        """The decoder's loss with the balance of its experts, or else the grid head's."""
        if logits.decoder is None:
            return cross_entropy(logits.grid, logits.grid_target)
        loss = cross_entropy(logits.decoder, logits.decoder_target)
        return loss + BALANCE_WEIGHT * self.balance.loss()

    # ---- what it prints and saves ----------------------------------------------------------------

    def count(self, batch: Batch, logits: Logits, loss: float) -> None:
        """Keep the loss and both accuracies of a step for the next line that is printed."""
        decoder_accuracy = math.nan
        if logits.decoder is not None:
            decoder_accuracy = accuracy(logits.decoder, logits.decoder_target)
        grid_accuracy = accuracy(logits.grid, logits.grid_target)
        name = f"{'see' if logits.decoder is None else 'read'} {batch.side_px}"
        self.tally.setdefault(name, []).append((loss, decoder_accuracy, grid_accuracy))

    def report(self, minutes: float, log) -> None:
        """Print, save and log after a step if it is time."""
        step = self.state["step"]
        if step % 20 == 0:
            group = self.optimizer.param_groups[0]
            rate = group["lr"] / group["peak"]
            print(f"step {step} {minutes:.1f} min lr {rate:.2f} {self.means()}", flush=True)
            self.tally.clear()
        total_minutes = self.state["minutes"] + minutes
        if step % self.args.save_every == 0:
            state = {**self.state, "minutes": total_minutes}
            save(self.args.run, self.network, self.optimizer, state)
        if step % self.args.table_every == 0:
            row = {"step": step, "minutes": round(total_minutes, 1)} | self.table()
            self.balance.gates.clear()
            log.write(json.dumps(row) + "\n")
            log.flush()
            print(row, flush=True)

    def means(self) -> dict[str, list[float]]:
        """Mean loss and accuracies of the steps since the last line, by mode and size."""
        rows = sorted(self.tally.items())
        return {name: [round(float(x), 4) for x in np.mean(row, axis=0)] for name, row in rows}

    def table(self) -> dict:
        return held_out_table(self.network, self.held_out, self.args.device, self.args.table_pages)


def main() -> None:
    args = cli.parse_args()
    args.run.mkdir(parents=True, exist_ok=True)
    torch.manual_seed(args.seed)
    if args.device == "cpu":
        torch.set_num_threads(2)
    Training(args).run()


if __name__ == "__main__":
    main()
