"""Fit the weights of the detector pool: config/language/weights.json.

    python tools/build_language_weights.py SHARED/language

A conditional logit: of the tags that any detector proposes for a text, the right one is to win, and the softmax of the
weighted rows is its probability. Fitted on one half of the dev files, by a hash of the text; the other half is for
tests/quality/language.py to report on.
"""

import gzip
import hashlib
import json
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from streams.stage import StageConfig, config_directory
from streams.stages import language_pool as pool
from streams.stages.language_letters import clean, look_at_letters

KINDS = ("sent", "head", "title", "doc")
RIDGE = 1.0
STEPS = 30


def fitting_half(text: str) -> bool:
    """Tell whether a dev text is there to fit on. The other half is to report on."""
    return hashlib.sha256(text.encode()).digest()[0] % 2 == 0


def samples(folder: Path, kit: pool.LanguageKit) -> Iterator[tuple[np.ndarray, int]]:
    """Yield the pool's rows for each text of the fitting half, and which row is the right one."""
    for kind in KINDS:
        for line in gzip.decompress((folder / f"dev_{kind}.jsonl.gz").read_bytes()).splitlines():
            item = json.loads(line)
            if not fitting_half(item["text"]):
                continue
            text = clean(item["text"])
            letters = look_at_letters(text, Counter(text))
            if letters.script not in kit.names or letters.evidence < pool.MIN_EVIDENCE:
                continue
            tags, rows = pool.pool_evidence(pool.Sample.of(text, letters, kit), kit)
            tag = pool.MALAYIC if item["language"] in ("id", "ms") else item["language"]
            if tag in tags:
                yield np.array(rows), tags.index(tag)


def fit(data: list[tuple[np.ndarray, int]]) -> np.ndarray:
    """Maximise the likelihood by Newton steps, with a ridge."""
    weights = np.zeros(data[0][0].shape[1])
    for _ in range(STEPS):
        gradient, curvature = -RIDGE * weights, RIDGE * np.eye(len(weights))
        for rows, right in data:
            scores = rows @ weights
            odds = np.exp(scores - scores.max())
            p = odds / odds.sum()
            mean = p @ rows
            gradient += rows[right] - mean
            curvature += (rows * p[:, None]).T @ rows - np.outer(mean, mean)
        step = np.linalg.solve(curvature, gradient)
        weights += step
        if np.abs(step).max() < 1e-4:
            break
    return weights


def main() -> None:
    """Fit, and write the file."""
    config = StageConfig(config_directory())
    weights = fit(list(samples(Path(sys.argv[1]), pool.prepare(config))))
    table = {"pool": dict(zip(pool.POOL_COLUMNS, weights.round(3).tolist(), strict=True))}
    config.path("language/weights.json").write_text(json.dumps(table, indent=2) + "\n", encoding="utf-8")
    print(json.dumps(table, indent=2))


if __name__ == "__main__":
    main()
