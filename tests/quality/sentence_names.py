"""Names marked by reading in development sentences whose own labels no person made.

The labels of PAN-X come from Wikipedia's links and those of `ms.malaya` from a machine; for French, Spanish, Russian
and Malay there is no other set. `sentence_names.tsv` holds no text, only offsets into a set's first 300 sentences:

    ru.panx  0  6fd4e9eb2613  PERSON 5 15  PLACE 20 26

Set, number of the sentence from 0, hash of its text, and its names. One reader marked them, who had seen neither the
set's labels nor what any tagger finds, by the rules of `release_names`, but each time that a name stands.
"""

import hashlib
from collections import defaultdict
from collections.abc import Iterable
from pathlib import Path
from typing import Final

MARKS: Final = Path(__file__).with_suffix(".tsv")

Span = tuple[int, int, str]
"""Start, end and type."""

MarkedSentence = tuple[str, set[Span]]
"""Text and its names."""


def marked_names() -> dict[str, list[tuple[str, set[Span]]]]:
    """By set, and in its order: the hash of a sentence and its names."""
    marks: defaultdict[str, list[tuple[str, set[Span]]]] = defaultdict(list)
    for line in MARKS.read_text(encoding="utf-8").splitlines():
        name, _, digest, *names = line.split("\t")
        spans = ((int(start), int(end), kind) for kind, start, end in map(str.split, names))
        marks[name].append((digest, set(spans)))
    return marks


def marked_sentences(name: str, texts: Iterable[str], marks: list[tuple[str, set[Span]]]) -> list[MarkedSentence]:
    """Put marks and texts together; raises `ValueError` where a text is not the one that was marked."""
    marked = []
    for n, (text, (digest, names)) in enumerate(zip(texts, marks, strict=True)):
        if not hashlib.sha256(text.encode()).hexdigest().startswith(digest):
            raise ValueError(f"{name}: sentence {n} is not the text that was marked")
        marked.append((text, names))
    return marked
