"""Make a smaller encoder out of a trained one: some of its layers, taught by what the whole says.

Run with: python -m tools.encoder.distil DATA TEACHER TRAINED DIRECTORY --layers 0,2,3,5 --minutes 90

TEACHER is the larger encoder as `tools.encoder.export` wrote it, TRAINED its directory with `state.pt`, `kept.npy` and
`pieces.model`; DIRECTORY gets the smaller one's. Stopped and run again, it goes on where it last saved. Seeded.
"""

import argparse
import shutil
import time
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from streams.stages import entity_encoder
from streams.stages.entity_pieces import Pieces
from tools.encoder.data import Drawer, Item
from tools.encoder.model import Encoder, token_scores
from tools.encoder.train import CLIP, REPORT_EVERY, SAVE_EVERY, SEED, WARM_UP, batches, collate, load

RATE, HEAD_RATE, WORD_RATE = 2e-4, 5e-4, 1e-4
TAUGHT = 0.7
"""Share of the teacher's word in the loss, beside the labels that are to be trusted."""
SCOUTING = 0.2
MISSED = 3.0
"""What it costs the scout to miss a name, where it costs 1 to see one that is none."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path)
    parser.add_argument("teacher", type=Path)
    parser.add_argument("trained", type=Path)
    parser.add_argument("directory", type=Path)
    parser.add_argument("--layers", default="0,2,3,5", help="which layers of the trained one are kept, counted from 0")
    parser.add_argument("--minutes", type=float, required=True)
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    arguments.directory.mkdir(exist_ok=True)
    for name in ("kept.npy", "pieces.model"):
        shutil.copy(arguments.trained / name, arguments.directory)
    saved = arguments.directory / "state.pt"
    state = torch.load(saved) if saved.exists() else {"steps": 0, "minutes": 0.0}
    torch.manual_seed(SEED + state["steps"])
    cut = entity_encoder.cutter(arguments.directory / "pieces.model")
    drawer = Drawer(arguments.data, cut, SEED + state["steps"])
    if state["steps"]:
        model = load(arguments.directory)
    else:
        model = load(arguments.trained)
        model.layers = nn.ModuleList(model.layers[int(n)] for n in arguments.layers.split(","))
    teacher = entity_encoder.load_encoder(arguments.teacher)
    distil(model, teacher, drawer, state, arguments.directory, arguments.minutes)


def distil(
    model: Encoder, teacher: entity_encoder.Encoder, drawer: Drawer, state: dict, directory: Path, minutes: float
) -> None:
    body = [p for name, p in model.named_parameters() if not name.startswith(("head", "scout", "words"))]
    heads = [*model.head.parameters(), *model.scout.parameters()]
    dense = torch.optim.AdamW([{"params": body}, {"params": heads}], lr=RATE, weight_decay=0.01, fused=True)
    sparse = torch.optim.SparseAdam(list(model.words.parameters()), lr=WORD_RATE)
    if state["steps"]:
        dense.load_state_dict(state["dense"])
        sparse.load_state_dict(state["sparse"])
    steps, before, total = state["steps"], state["minutes"], state["minutes"] + minutes
    model.train()
    started = saved = reported = time.time()
    losses: list[tuple[float, ...]] = []
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
            groups = [*dense.param_groups, *sparse.param_groups]
            for group, rate in zip(groups, (RATE, HEAD_RATE, WORD_RATE), strict=True):
                group["lr"] = rate * factor
            parts = losses_of(model, items, told(teacher, items))
            (parts[0] + SCOUTING * parts[1]).backward()
            nn.utils.clip_grad_norm_(body, CLIP)
            for optimiser in (dense, sparse):
                optimiser.step()
                optimiser.zero_grad()
            steps += 1
            losses.append(tuple(part.item() for part in parts))
            seen += sum(len(item.pieces) for item in items)
        if (since := time.time() - reported) > REPORT_EVERY:
            means = "  ".join(f"{value:.4f}" for value in np.mean(losses, axis=0))
            print(f"{spent():6.1f} min  {steps} steps  losses {means}  {seen / since:.0f} pieces/s", flush=True)
            losses, seen, reported = [], 0, time.time()
        if time.time() - saved > SAVE_EVERY:
            save()
            saved = time.time()
    save()


def told(teacher: entity_encoder.Encoder, items: list[Item]) -> Tensor:
    """The probabilities that the teacher gives every label of every token."""
    links = [[(token, piece - 1, offset) for token, piece, offset in item.links] for item in items]
    scores = teacher.score([Pieces(i.pieces[1:-1], its) for i, its in zip(items, links, strict=True)])
    return torch.from_numpy(np.exp(np.concatenate(scores)))


def losses_of(model: Encoder, items: list[Item], said: Tensor) -> tuple[Tensor, Tensor]:
    """How far the labels are from the teacher's word and the trusted labels; and how far the scout is from it."""
    batch = collate(items)
    with torch.autocast("cpu", torch.bfloat16):
        scores, scouted = model(batch.pieces, batch.mask)
    sure = torch.tensor([item.sure for item in items for _ in item.labels], dtype=torch.float32)[:, None]
    wanted = nn.functional.one_hot(batch.labels, said.shape[1]).float()
    wanted = said + (1 - TAUGHT) * sure * (wanted - said)
    loss = nn.functional.cross_entropy(token_scores(scores, batch.links, len(wanted)), wanted)
    named = token_scores(scouted, batch.links, len(wanted))
    scouting = nn.functional.binary_cross_entropy_with_logits(named, 1 - wanted[:, :1], pos_weight=torch.tensor(MISSED))
    return loss, scouting


if __name__ == "__main__":
    main()
