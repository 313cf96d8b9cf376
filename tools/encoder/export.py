"""Write the trained encoder for onnxruntime: config/entities/encoder/, or another directory.

Run with: python -m tools.encoder.export DATA DIRECTORY [OUT]

Weights and activations become 8-bit: weights with a scale a column, activations with the scale that loses least on
sentences to learn from. Deterministic.
"""

import shutil
import sys
from pathlib import Path

import numpy as np
import onnx
import torch
from onnx import TensorProto, helper, numpy_helper
from torch import nn

from streams.stage import config_directory
from streams.stages.entity_crf import LABELS
from streams.stages.entity_encoder import cutter
from streams.stages.entity_pieces import OFFSETS
from tools.encoder.data import Drawer
from tools.encoder.model import EPSILON, HEADS, HIDDEN, SCOUTED, Encoder, Layer
from tools.encoder.train import SEED, collate, load

SENTENCES = 400
CLIPS = (1.0, 0.8, 0.6, 0.4, 0.25, 0.15)


def main() -> None:
    data, directory = Path(sys.argv[1]), Path(sys.argv[2])
    out = Path(sys.argv[3]) if len(sys.argv) > 3 else config_directory() / "entities" / "encoder"
    out.mkdir(parents=True, exist_ok=True)
    torch.set_num_threads(1)
    model = load(directory)
    drawer = Drawer(data, cutter(directory / "pieces.model"), SEED)
    pieces, mask, *_ = collate([drawer.draw() for _ in range(SENTENCES)])
    seen = activations(model, pieces, mask)
    for name, made in graphs(model, seen).items():
        onnx.save(made, out / f"{name}.onnx")
    words = model.words.weight.detach().numpy()
    scales = (np.abs(words).max(axis=1) / 127).astype(np.float16)
    scales[scales == 0] = 1
    np.save(out / "words.npy", np.clip(np.round(words / scales.astype(np.float32)[:, None]), -127, 127).astype(np.int8))
    np.savez(out / "tables.npz", scales=scales, places=model.places.detach().numpy())
    shutil.copy(directory / "pieces.model", out)
    for path in sorted(out.iterdir()):
        print(f"{path.name} {path.stat().st_size / 1e6:.1f} MB")


@torch.no_grad()
def activations(model: Encoder, pieces: torch.Tensor, mask: torch.Tensor) -> dict[nn.Linear, np.ndarray]:
    """What goes into each linear layer, padding left out."""
    seen: dict[nn.Linear, np.ndarray] = {}

    def remember(module: nn.Linear, inputs: tuple[torch.Tensor, ...], _: object) -> None:
        seen[module] = inputs[0][mask].numpy()

    hooks = [m.register_forward_hook(remember) for m in model.modules() if isinstance(m, nn.Linear)]
    model(pieces, mask)
    for hook in hooks:
        hook.remove()
    return seen


def best_scale(values: np.ndarray) -> tuple[np.float32, np.uint8]:
    """The scale and zero point with the least squared error: rounding small values against cutting large ones."""
    low, high = min(0.0, float(values.min())), max(0.0, float(values.max()))
    best = (np.inf, np.float32(1), np.uint8(0))
    for below in CLIPS:
        for above in CLIPS:
            scale = np.float32((high * above - low * below) / 255)
            zero = np.uint8(np.clip(round(-low * below / scale), 0, 255))
            rounded = (np.clip(np.round(values / scale) + zero, 0, 255) - zero) * scale
            error = float(np.square(rounded - values).mean())
            if error < best[0]:
                best = (error, scale, zero)
    noise = 10 * np.log10(np.square(values).mean() / best[0])
    print(f"{values.shape[1]} values from {low:.1f} to {high:.1f}: {noise:.0f} dB", flush=True)
    return best[1:]


class Graph:
    """An ONNX graph in the making."""

    def __init__(self) -> None:
        self.nodes: list[onnx.NodeProto] = []
        self.constants: list[onnx.TensorProto] = []

    def constant(self, name: str, value: np.ndarray | np.generic) -> str:
        self.constants.append(numpy_helper.from_array(np.asarray(value), name))
        return name

    def node(self, kind: str, inputs: list[str], output: str, domain: str = "com.microsoft", **attributes) -> str:
        self.nodes.append(helper.make_node(kind, inputs, [output], domain=domain, **attributes))
        return output

    def linear(self, name: str, source: str, module: nn.Linear, seen: np.ndarray) -> str:
        scale, zero = best_scale(seen[:: max(1, len(seen) // 2000)])
        self.constant(f"{name}.in.scale", scale), self.constant(f"{name}.in.zero", zero)
        small = self.node("QuantizeLinear", [source, f"{name}.in.scale", f"{name}.in.zero"], f"{name}.in", "")
        weight = module.weight.detach().numpy().T
        scales = (np.abs(weight).max(axis=0) / 127).astype(np.float32)
        self.constant(f"{name}.weight", np.round(weight / scales).astype(np.int8))
        self.constant(f"{name}.scale", scales), self.constant(f"{name}.zero", np.zeros(len(scales), np.int8))
        self.constant(f"{name}.bias", module.bias.detach().numpy())
        inputs = [
            small,
            f"{name}.weight",
            f"{name}.in.scale",
            f"{name}.scale",
            f"{name}.in.zero",
            f"{name}.zero",
            f"{name}.bias",
        ]
        return self.node("MatMulIntegerToFloat", inputs, f"{name}.out")

    def norm(self, name: str, source: str, module: nn.LayerNorm) -> str:
        self.constant(f"{name}.gain", module.weight.detach().numpy())
        self.constant(f"{name}.bias", module.bias.detach().numpy())
        inputs = [source, f"{name}.gain", f"{name}.bias"]
        return self.node("LayerNormalization", inputs, f"{name}.out", "", epsilon=EPSILON)

    def layer(self, n: int, x: str, layer: Layer, seen: dict[nn.Linear, np.ndarray]) -> str:
        mixed = self.linear(f"{n}.qkv", x, layer.qkv, seen[layer.qkv])
        parts = [f"{n}.{part}" for part in "qkv"]
        self.nodes.append(helper.make_node("Split", [mixed], parts, axis=2, num_outputs=3))
        # The standard's operator: onnxruntime's own, MultiHeadAttention, takes half as long again.
        heads = {"q_num_heads": HEADS, "kv_num_heads": HEADS}
        attended = self.node("Attention", [*parts, "apart"], f"{n}.attended", "", **heads)
        # Not SkipLayerNormalization, which takes five times as long as these two.
        x = self.node("Add", [self.linear(f"{n}.out", attended, layer.out, seen[layer.out]), x], f"{n}.sum1", "")
        x = self.norm(f"{n}.norm1", x, layer.norm1)
        active = self.node("Gelu", [self.linear(f"{n}.up", x, layer.up, seen[layer.up])], f"{n}.active")
        x = self.node("Add", [self.linear(f"{n}.down", active, layer.down, seen[layer.down]), x], f"{n}.sum2", "")
        return self.norm(f"{n}.norm2", x, layer.norm2)

    def model(self, source: str, outputs: dict[str, int]) -> onnx.ModelProto:
        """`outputs` and how many values they have a piece; `source` has as many as there are hidden ones."""
        shape = ["rows", "pieces"]
        made = helper.make_graph(
            self.nodes, "encoder",
            [helper.make_tensor_value_info(source, TensorProto.FLOAT, [*shape, HIDDEN]),
             helper.make_tensor_value_info("apart", TensorProto.FLOAT, ["rows", 1, "pieces", "pieces"])],
            [helper.make_tensor_value_info(n, TensorProto.FLOAT, [*shape, size]) for n, size in outputs.items()],
            self.constants,
        )  # fmt: skip
        standards = [helper.make_opsetid("", 23), helper.make_opsetid("com.microsoft", 1)]
        return helper.make_model(made, opset_imports=standards, ir_version=10)


def graphs(model: Encoder, seen: dict[nn.Linear, np.ndarray]) -> dict[str, onnx.ModelProto]:
    """The layers up to the scout, and those above."""
    lower, upper = Graph(), Graph()
    x = lower.norm("norm", "embedded", model.norm)
    for n, layer in enumerate(model.layers[:SCOUTED]):
        x = lower.layer(n, x, layer, seen)
    named = lower.linear("scout", x, model.scout, seen[model.scout])
    y = "read"
    for n, layer in enumerate(model.layers[SCOUTED:], start=SCOUTED):
        y = upper.layer(n, y, layer, seen)
    scores = upper.linear("head", y, model.head, seen[model.head])
    return {
        "lower": lower.model("embedded", {x: HIDDEN, named: OFFSETS}),
        "upper": upper.model("read", {scores: OFFSETS * len(LABELS)}),
    }


if __name__ == "__main__":
    main()
