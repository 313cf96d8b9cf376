"""The encoder in PyTorch: layers of multilingual-e5-small made narrower inside, and a head that labels tokens."""

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from streams.stages.entity_crf import LABELS
from streams.stages.entity_pieces import OFFSETS
from tools.encoder.weights import Weights

HIDDEN, HEADS = 384, 12
EPSILON = 1e-12
DROPOUT = 0.1
POSITIONS = 160
"""Pieces of the longest input."""
SCOUTED = 2
"""Layers after which the scout looks."""


class Layer(nn.Module):
    """Self-attention and a feed-forward layer, each with a normalised sum after it."""

    def __init__(self, inner: int) -> None:
        super().__init__()
        self.qkv, self.out = nn.Linear(HIDDEN, 3 * HIDDEN), nn.Linear(HIDDEN, HIDDEN)
        self.up, self.down = nn.Linear(HIDDEN, inner), nn.Linear(inner, HIDDEN)
        self.norm1, self.norm2 = nn.LayerNorm(HIDDEN, EPSILON), nn.LayerNorm(HIDDEN, EPSILON)

    def forward(self, x: Tensor, mask: Tensor) -> Tensor:
        batch, length, _ = x.shape
        q, k, v = self.qkv(x).view(batch, length, 3, HEADS, -1).permute(2, 0, 3, 1, 4)
        # Written out: on short sequences it goes backward faster than the fused kernel.
        likeness = q @ k.transpose(-1, -2) * (HIDDEN // HEADS) ** -0.5 + mask
        mixed = (likeness.softmax(-1).to(v.dtype) @ v).transpose(1, 2).reshape(batch, length, HIDDEN)
        x = self.norm1(x + self.out(mixed))
        return self.norm2(x + functional.dropout(self.down(functional.gelu(self.up(x))), DROPOUT, self.training))


class Encoder(nn.Module):
    """From piece numbers to the scores of every label at every offset: (batch, length, OFFSETS * labels).

    And to what the scout says half-way, whether there is a name at all: (batch, length, OFFSETS).
    """

    def __init__(self, vocabulary: int, layers: int, inner: int) -> None:
        super().__init__()
        self.words = nn.Embedding(vocabulary, HIDDEN, sparse=True)
        self.places = nn.Parameter(torch.zeros(POSITIONS, HIDDEN))
        self.norm = nn.LayerNorm(HIDDEN, EPSILON)
        self.layers = nn.ModuleList(Layer(inner) for _ in range(layers))
        self.scout = nn.Linear(HIDDEN, OFFSETS)
        self.head = nn.Linear(HIDDEN, OFFSETS * len(LABELS))

    def forward(self, pieces: Tensor, mask: Tensor) -> tuple[Tensor, Tensor]:
        x = self.norm(self.words(pieces) + self.places[: pieces.shape[1]])
        x = functional.dropout(x, DROPOUT, self.training)
        bias = blank(mask)
        for layer in self.layers[:SCOUTED]:
            x = layer(x, bias)
        scouted = self.scout(x)
        for layer in self.layers[SCOUTED:]:
            x = layer(x, bias)
        return self.head(functional.dropout(x, DROPOUT, self.training)), scouted


def blank(mask: Tensor) -> Tensor:
    """What is added to likenesses so that padding is not looked at."""
    return (~mask)[:, None, None, :] * -1e4


def token_scores(scores: Tensor, links: Tensor, tokens: int) -> Tensor:
    """Average the scores of the pieces of each token; rows of `links`: token, flat piece, offset."""
    width = scores.shape[-1] // OFFSETS
    flat = scores.float().reshape(-1, OFFSETS, width)
    picked = flat[links[:, 1], links[:, 2]]
    total = torch.zeros(tokens, width).index_add(0, links[:, 0], picked)
    return total / torch.bincount(links[:, 0], minlength=tokens).clamp(min=1)[:, None]


@torch.no_grad()
def from_weights(weights: Weights, kept: np.ndarray, inner: int, probe: Tensor, mask: Tensor) -> Encoder:
    """Take over the weights, of the pieces that are kept, then narrow the layers to what says most on `probe`."""
    tensors = {name: torch.from_numpy(array.copy()) for name, array in weights.tensors.items()}
    model = Encoder(len(kept), weights.layers, weights.inner).eval()
    model.words.weight.copy_(tensors["emb.word"][torch.from_numpy(kept).long()])
    model.places.copy_(tensors["emb.pos"][:POSITIONS] + tensors["emb.type"][0])
    copy(model.norm, tensors["emb.ln.w"], tensors["emb.ln.b"])
    for n, layer in enumerate(model.layers):
        copy(layer.qkv, *(torch.cat([tensors[f"l{n}.{part}.{kind}"] for part in "qkv"]) for kind in "wb"))
        names = {"ao": layer.out, "aln": layer.norm1, "fi": layer.up, "fo": layer.down, "oln": layer.norm2}
        for name, module in names.items():
            copy(module, tensors[f"l{n}.{name}.w"], tensors[f"l{n}.{name}.b"])
    x = model.norm(model.words(probe) + model.places[: probe.shape[1]])
    for n, layer in enumerate(model.layers):
        captured: list[Tensor] = []
        hook = layer.down.register_forward_pre_hook(lambda _, inputs, found=captured: found.append(inputs[0]))
        x = layer(x, blank(mask))
        hook.remove()
        print(f"layer {n}: {narrow(layer, inner, captured[0][mask]):.1%} of the variance left out", flush=True)
    nn.init.normal_(model.head.weight, std=0.02)
    nn.init.zeros_(model.head.bias)
    return model


def narrow(layer: Layer, inner: int, active: Tensor) -> float:
    """Keep the inner units whose output varies most; what the others give on average goes into the bias."""
    weight = active.std(0) * layer.down.weight.norm(dim=0)
    best = weight.topk(inner).indices.sort().values
    gone = torch.ones(len(weight), dtype=torch.bool)
    gone[best] = False
    up, down = nn.Linear(HIDDEN, inner), nn.Linear(inner, HIDDEN)
    copy(up, layer.up.weight[best], layer.up.bias[best])
    copy(down, layer.down.weight[:, best], layer.down.bias + layer.down.weight[:, gone] @ active.mean(0)[gone])
    layer.up, layer.down = up, down
    return float((weight[gone] ** 2).sum() / (weight**2).sum())


def copy(module: nn.Linear | nn.LayerNorm, weight: Tensor, bias: Tensor) -> None:
    module.weight.copy_(weight)
    module.bias.copy_(bias)
