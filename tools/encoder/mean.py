"""Write the mean of the weights of two ends of a training: DIRECTORY/state.pt, for `tools.encoder.export`.

Run with: python -m tools.encoder.mean FIRST.pt LAST.pt DIRECTORY

DIRECTORY holds the `kept.npy` and `pieces.model` of both. Each of the two was saved when the learning rate had come to
nothing; between them the weights went on from the one to the other.
"""

import sys
from pathlib import Path

import torch


def main() -> None:
    first, last = (torch.load(path)["model"] for path in sys.argv[1:3])
    torch.save({"model": {name: (first[name] + last[name]) / 2 for name in last}}, Path(sys.argv[3]) / "state.pt")


if __name__ == "__main__":
    main()
