"""Write tests/golden/strip_boilerplate from the invented releases: python tools/golden_boilerplate.py SHARED

Each file holds a release and what the stage makes of it. Read the difference before committing it: these files are
the contract, not an echo.
"""

import json
import sys
from dataclasses import asdict
from pathlib import Path

from streams.records import IdentifiedRelease
from streams.stage import StageConfig, config_directory
from streams.stages.strip_boilerplate import prepare, strip_boilerplate

FIELDS = (
    "title", "subtitle", "body", "dateline", "byline", "about", "contacts", "source_line", "distributor", "syndicated",
    "disclaimers", "safe_harbor", "sectors", "captions", "copyright", "embargo_notice", "translation_notice",
    "correction_notice", "text_gaps",
)  # fmt: skip


def main() -> None:
    """Write one file a release."""
    corpus = Path(sys.argv[1]) / "corpus"
    target = Path(__file__).parents[1] / "tests" / "golden" / "strip_boilerplate"
    target.mkdir(parents=True, exist_ok=True)
    kit = prepare(StageConfig(config_directory()))
    texts = {"seed-ar": ("ar", (corpus / "seed_release_ar.txt").read_text(encoding="utf-8"))}
    for path in sorted((corpus / "synthetic").glob("*.json")):
        release = json.loads(path.read_text(encoding="utf-8"))
        texts[path.stem] = (release["lang"], "\n".join(line["text"] for line in release["lines"]))
    for name, (language, text) in texts.items():
        clean = strip_boilerplate(IdentifiedRelease(id=name, language=language, text=text), kit)
        fields = asdict(clean)
        expected = {key: fields[key] for key in FIELDS}
        expected["segments"] = [[s.label, s.sub, text[s.start : s.end].strip()[:60]] for s in clean.segments]
        golden = {"language": language, "text": text, "expected": expected}
        (target / f"{name}.json").write_text(json.dumps(golden, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
