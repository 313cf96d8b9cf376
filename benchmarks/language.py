"""How fast and how right `detect_language` is beside the detectors it is made of: python -m benchmarks.language

On the shared development files, in CPU time of one process, so that a busy machine slows every row alike. Peers get the
cleaned text, their names for languages are mapped to ours, and Chinese counts as right in either script: all they lack
is what the stage adds. Lingua takes part where it is installed. `memory` is the whole process with only that detector.
"""

import importlib
import importlib.util
import math
import os
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any
from unittest.mock import patch

from streams.records import RawRelease
from streams.stage import StageConfig, config_directory
from streams.stages import language_pool
from streams.stages.detect_language import DETECT_LANGUAGE
from streams.stages.language_letters import clean
from tests.quality.language import FIFTEEN, KINDS, Text, reporting_half

Detect = Callable[[Text, str], str]
ROUNDS = 3
"""The fastest counts."""
TIMED = 1000
"""Texts of each kind that are timed."""


def main() -> None:
    """Print a Markdown table; with the name of a detector, its memory only."""
    if len(sys.argv) > 1:
        detect = DETECTORS[sys.argv[1]]()
        detect(Text("en", "The company said on Tuesday that it will open a new plant."), "sentence")
        status = Path("/proc/self/status").read_text(encoding="ascii")
        print(int(status.split("VmRSS:")[1].split()[0]) // 1024)
        return
    shared = Path(os.environ.get("NEWSMILL_SHARED", Path(__file__).parents[2] / "shared"))
    texts = {kind: reporting_half(shared, word) for kind, word in KINDS.items()}
    print(
        "| detector | "
        + " | ".join(KINDS)
        + " | others taken for the fifteen (s/sl/d) | documents/s | titles/s | memory MiB |"
    )
    print("|---|" + "---|" * (len(KINDS) + 4))
    for name, prepare in DETECTORS.items():
        if name == "lingua" and not importlib.util.find_spec("lingua"):
            continue
        detect = prepare()
        found = {kind: [detect(item, kind) for item in items] for kind, items in texts.items()}
        right = [f"{_macro(texts[kind], found[kind]):.3f}" for kind in KINDS]
        wrong = "/".join(f"{_others(texts[kind], found[kind]):.3f}" for kind in KINDS if kind != "title")
        speed = [f"{_per_second(texts[kind], kind, detect):,.0f}" for kind in ("document", "title")]
        print(f"| {name} | {' | '.join(right)} | {wrong} | {' | '.join(speed)} | {_memory(name)} |", flush=True)


def _stage() -> Detect:
    kit = DETECT_LANGUAGE.prepare(StageConfig(config_directory()))

    def detect(item: Text, kind: str) -> str:
        release = RawRelease(title=item.text) if kind == "title" else RawRelease(text=item.text)
        return DETECT_LANGUAGE.apply(release, kit).language

    return detect


def _pool_alone() -> Detect:
    detect = _stage()

    def detect_by_pool(item: Text, kind: str) -> str:
        with patch.object(language_pool, "agreed", lambda *_: ""):
            return detect(item, kind)

    return detect_by_pool


def _cld2() -> Detect:
    import pycld2

    return lambda item, _: str(pycld2.detect(clean(item.text), isPlainText=True, bestEffort=True)[2][0][1])


def _eld() -> Detect:
    import eldc

    eldc.init()
    return lambda item, _: str(eldc.detect(clean(item.text)))


def _langid() -> Detect:
    classify: Any = importlib.import_module("py3langid").classify
    return lambda item, _: str(classify(clean(item.text))[0])


def _fasttext() -> Detect:
    import fasttext

    model = fasttext.FastText.load_model(str(config_directory() / "language/lid.176.ftz"))
    return lambda item, _: str(model.predict(clean(item.text))[0][0]).removeprefix("__label__")


def _lingua() -> Detect:
    builder: Any = importlib.import_module("lingua").LanguageDetectorBuilder
    detector = builder.from_all_languages().with_preloaded_language_models().build()

    def detect(item: Text, _: str) -> str:
        language = detector.detect_language_of(clean(item.text))
        return str(language.iso_code_639_1.name).lower() if language else ""

    return detect


DETECTORS: dict[str, Callable[[], Detect]] = {
    "newsmill": _stage,
    "newsmill, pool for all": _pool_alone,
    "CLD2": _cld2,
    "ELD": _eld,
    "py3langid": _langid,
    "fastText lid.176.ftz": _fasttext,
    "lingua": _lingua,
}
_TAGS = {"nb": "no", "nn": "no", "iw": "he", "fil": "tl", "ku": "ckb"}
_EITHER_CHINESE = {"zh-Hans", "zh-Hant"}


def _same(right: str, answer: str) -> bool:
    return right == _TAGS.get(answer, answer) or (right in _EITHER_CHINESE and answer == "zh")


def _macro(items: Sequence[Text], answers: Sequence[str]) -> float:
    total = Counter(item.language for item in items)
    right = Counter(item.language for item, answer in zip(items, answers, strict=True) if _same(item.language, answer))
    return sum(right[language] / total[language] for language in FIFTEEN) / len(FIFTEEN)


def _others(items: Sequence[Text], answers: Sequence[str]) -> float:
    taken = [a in FIFTEEN or a == "zh" for i, a in zip(items, answers, strict=True) if i.language not in FIFTEEN]
    return sum(taken) / len(taken)


def _per_second(items: Sequence[Text], kind: str, detect: Detect) -> float:
    timed = [item for item in items if item.language in FIFTEEN][:TIMED]
    best = math.inf
    for _ in range(ROUNDS):
        started = time.process_time()
        for item in timed:
            detect(item, kind)
        best = min(best, time.process_time() - started)
    return len(timed) / best


def _memory(name: str) -> str:
    command = [sys.executable, "-m", "benchmarks.language", name]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()


if __name__ == "__main__":
    main()
