"""Write the mean of the weights of some ends of a training: DIRECTORY/state.pt, for `tools.encoder.export`.

Run with: python -m tools.encoder.mean FIRST.pt ... LAST.pt DIRECTORY

DIRECTORY holds the `kept.npy` and `pieces.model` of all. Each was saved when the learning rate had come to nothing, and
the later ones went on from the first.
"""

import sys
from pathlib import Path

import torch


def main() -> None:
    *paths, directory = map(Path, sys.argv[1:])
    ends = [torch.load(path)["model"] for path in paths]
    mean = {name: sum(end[name] for end in ends) / len(ends) for name in ends[0]}
    torch.save({"model": mean}, directory / "state.pt")


if __name__ == "__main__":
    main()
