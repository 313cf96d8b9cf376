"""Make a smaller encoder out of a trained one: some of its layers, taught by what the whole says.

Run with: python -m tools.encoder.distil DATA TEACHER TRAINED DIRECTORY --layers 0,2,3,5 --minutes 90

TEACHER is the larger encoder as `tools.encoder.export` wrote it, TRAINED its directory with `state.pt`, `kept.npy` and
`pieces.model`; DIRECTORY gets the smaller one's. Stopped and run again, it goes on where it last saved. Seeded.
"""

import argparse
import math
import shutil
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from streams.stages import entity_encoder
from streams.stages.entity_pieces import Pieces
from tools.encoder.data import Drawer, Item
from tools.encoder.model import Encoder, token_scores
from tools.encoder.train import SEED, Rates, collate, load, train

RATES = Rates(3e-4, 8e-4, 1.5e-4)
TAUGHT = 0.7
"""Share of the teacher's word in the loss, beside the labels."""
SCOUTING = 0.2
"""What the scout's faults count, beside those of the labels."""
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
    parser.add_argument("--threads", type=int, default=1, help="two take two thirds of the time of one")
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
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

    def losses(model: Encoder, items: list[Item]) -> tuple[Tensor, ...]:
        return losses_of(model, items, told(teacher, items))

    train(model, drawer, losses, RATES, state, arguments.directory, arguments.minutes)


def told(teacher: entity_encoder.Encoder, items: list[Item]) -> Tensor:
    """The probabilities that the teacher gives every label of every token."""
    links = [[(token, piece - 1, offset) for token, piece, offset in item.links] for item in items]
    pieces = [Pieces(item.pieces[1:-1], its) for item, its in zip(items, links, strict=True)]
    scores = teacher.score(pieces, quiet=-math.inf)  # its scout may have learnt nothing
    return torch.from_numpy(np.exp(np.concatenate(scores)))


def losses_of(model: Encoder, items: list[Item], said: Tensor) -> tuple[Tensor, Tensor]:
    """How far the labels are from the teacher's word and the true ones; and how far the scout is from it."""
    batch = collate(items)
    with torch.autocast("cpu", torch.bfloat16):
        scores, scouted = model(batch.pieces, batch.mask)
    wanted = nn.functional.one_hot(batch.labels, said.shape[1]).float()
    wanted = said + (1 - TAUGHT) * (wanted - said)
    loss = nn.functional.cross_entropy(token_scores(scores, batch.links, len(wanted)), wanted)
    named = token_scores(scouted, batch.links, len(wanted))
    scouting = nn.functional.binary_cross_entropy_with_logits(named, 1 - wanted[:, :1], pos_weight=torch.tensor(MISSED))
    return loss, SCOUTING * scouting


if __name__ == "__main__":
    main()
