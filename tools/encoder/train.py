"""Train the encoder: DIRECTORY/state.pt, from which it can also go on.

Run with: python -m tools.encoder.train DATA e5-small-q4.bin DIRECTORY --minutes 90

DIRECTORY holds what `tools.encoder.pieces` wrote. The learning rate falls to nothing at the end of the given minutes.
Stopped and run again with the minutes that are left, it goes on where it last saved, with the data as they are then.
Seeded; how far it comes in its minutes depends on the machine.
"""

import argparse
import time
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor, nn

from streams.stages.entity_encoder import cutter
from tools.encoder.data import Drawer, Item
from tools.encoder.model import Encoder, from_weights, token_scores
from tools.encoder.weights import read_weights

SEED = 20261124
LAYERS, INNER = 6, 1024
"""Of the twelve layers, and of the 1,536 units of each: the teacher of the smaller one that is shipped (`distil`)."""
BATCH = 1600
"""Pieces of a batch, padding and all."""
POOL = 600
"""Sentences that are sorted by length together, so that little is padding."""
WARM_UP = 200
"""Steps."""
SMOOTHING = 0.02
CLIP = 1.0
SAVE_EVERY = 300.0
REPORT_EVERY = 60.0
"""Seconds."""


class Rates(NamedTuple):
    """Highest learning rates: of the layers, of the heads and of the embeddings."""

    body: float
    heads: float
    words: float


RATES = Rates(3e-4, 1e-3, 2e-4)


class Batch(NamedTuple):
    """Sentences side by side."""

    pieces: Tensor
    mask: Tensor
    links: Tensor
    """Rows of token, piece and offset, tokens and pieces counted through the batch."""
    labels: Tensor


Losses = Callable[[Encoder, list[Item]], tuple[Tensor, ...]]
"""Tells what a model's faults on some sentences add up to."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path)
    parser.add_argument("weights", type=Path)
    parser.add_argument("directory", type=Path)
    parser.add_argument("--minutes", type=float, required=True)
    parser.add_argument("--threads", type=int, default=1, help="two take two thirds of the time of one")
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    saved = arguments.directory / "state.pt"
    state = torch.load(saved) if saved.exists() else {"steps": 0, "minutes": 0.0}
    torch.manual_seed(SEED + state["steps"])
    drawer = Drawer(arguments.data, cutter(arguments.directory / "pieces.model"), SEED + state["steps"])
    if state["steps"]:
        model = load(arguments.directory)
    else:
        kept = np.load(arguments.directory / "kept.npy")
        probe = collate([drawer.draw() for _ in range(200)])
        model = from_weights(read_weights(arguments.weights, LAYERS), kept, INNER, probe.pieces, probe.mask)
    train(model, drawer, labelled, RATES, state, arguments.directory, arguments.minutes)


def load(directory: Path) -> Encoder:
    """The model as it was last saved, ready to be asked."""
    saved = torch.load(directory / "state.pt")["model"]
    layers = 1 + max(int(name.split(".")[1]) for name in saved if name.startswith("layers."))
    model = Encoder(len(np.load(directory / "kept.npy")), layers, INNER)
    model.load_state_dict(saved)
    return model.eval()


def labelled(model: Encoder, items: list[Item]) -> tuple[Tensor]:
    """How far the model is from the labels."""
    batch = collate(items)
    with torch.autocast("cpu", torch.bfloat16):
        scores, _ = model(batch.pieces, batch.mask)
    by_token = token_scores(scores, batch.links, len(batch.labels))
    return (nn.functional.cross_entropy(by_token, batch.labels, label_smoothing=SMOOTHING),)


def train(
    model: Encoder, drawer: Drawer, losses: Losses, rates: Rates, state: dict, directory: Path, minutes: float
) -> None:
    """Bring the sum of the losses down for so many minutes."""
    body = [p for name, p in model.named_parameters() if not name.startswith(("head", "scout", "words"))]
    heads = [*model.head.parameters(), *model.scout.parameters()]
    dense = torch.optim.AdamW([{"params": body}, {"params": heads}], lr=rates.body, weight_decay=0.01, fused=True)
    sparse = torch.optim.SparseAdam(list(model.words.parameters()), lr=rates.words)
    if state["steps"]:
        dense.load_state_dict(state["dense"])
        sparse.load_state_dict(state["sparse"])
    steps, before, total = state["steps"], state["minutes"], state["minutes"] + minutes
    model.train()
    started = saved = reported = time.time()
    told: list[list[float]] = []
    seen = 0

    def spent() -> float:
        return before + (time.time() - started) / 60

    def save() -> None:
        made = {"model": model.state_dict(), "dense": dense.state_dict(), "sparse": sparse.state_dict()}
        torch.save(made | {"steps": steps, "minutes": spent()}, directory / "state.new")
        (directory / "state.new").replace(directory / "state.pt")

    while spent() < total:
        for items in batches(drawer):
            factor = min(1.0, steps / WARM_UP) * max(0.0, 1 - spent() / total)
            for group, rate in zip([*dense.param_groups, *sparse.param_groups], rates, strict=True):
                group["lr"] = rate * factor
            parts = losses(model, items)
            torch.stack(parts).sum().backward()
            nn.utils.clip_grad_norm_(body, CLIP)
            for optimiser in (dense, sparse):
                optimiser.step()
                optimiser.zero_grad()
            steps += 1
            told.append([part.item() for part in parts])
            seen += sum(len(item.pieces) for item in items)
        if (since := time.time() - reported) > REPORT_EVERY:
            means = "  ".join(f"{mean:.4f}" for mean in np.mean(told, axis=0))
            print(f"{spent():6.1f} min  {steps} steps  loss {means}  {seen / since:.0f} pieces/s", flush=True)
            told, seen, reported = [], 0, time.time()
        if time.time() - saved > SAVE_EVERY:
            save()
            saved = time.time()
    save()


def batches(drawer: Drawer) -> list[list[Item]]:
    """Draw a pool of sentences and cut it into batches of like length, in any order."""
    drawn = (drawer.draw() for _ in range(POOL))
    pool = sorted((item for item in drawn if item.labels), key=lambda item: len(item.pieces))
    made: list[list[Item]] = [[]]
    for item in pool:
        if (len(made[-1]) + 1) * len(item.pieces) > BATCH:
            made.append([])
        made[-1].append(item)
    drawer.dice.shuffle(made)
    return made


def collate(items: list[Item]) -> Batch:
    """Pad to the longest."""
    length = max(len(item.pieces) for item in items)
    pieces = torch.ones(len(items), length, dtype=torch.long)
    mask = torch.zeros(len(items), length, dtype=torch.bool)
    links: list[tuple[int, int, int]] = []
    labels: list[int] = []
    for row, item in enumerate(items):
        pieces[row, : len(item.pieces)] = torch.tensor(item.pieces)
        mask[row, : len(item.pieces)] = True
        links += [(token + len(labels), row * length + piece, offset) for token, piece, offset in item.links]
        labels += item.labels
    return Batch(pieces, mask, torch.tensor(links), torch.tensor(labels))


if __name__ == "__main__":
    main()
