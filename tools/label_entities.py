"""Label text to learn from: `DATA/silver/<language>.<source>.jsonl.gz`.

Run with: python tools/label_entities.py DATA SHARED

Texts: the whole sentences of PAN-X (Wikipedia, CC BY-SA; its own labels are not used) and the news of the language
data, NTREX-128 (CC BY-SA 4.0). The names of the news are those that `encoder/news.toml` lists. In PAN-X they are what a
tagger finds: natasha for Russian (MIT), spaCy's fr_core_news_md for French (LGPL-LR) and Stanford CoreNLP 4.5.7 for
English, German and Spanish (GPL 3; put its jars in $CORENLP). Only their labels are taken, nothing of theirs ships.
"""

import gzip
import html
import json
import os
import re
import subprocess
import sys
import tempfile
import tomllib
from collections.abc import Callable, Iterable, Iterator
from functools import cache
from pathlib import Path

Entities = list[tuple[int, int, str]]
TYPES = {
    "PERSON": "PER", "PER": "PER", "PERS": "PER", "ORGANIZATION": "ORG", "ORG": "ORG", "LOCATION": "LOC", "LOC": "LOC",
    "GPE": "LOC", "FAC": "LOC", "LUG": "LOC",
}  # fmt: skip
Tagger = Callable[[str, list[str]], Iterator[Entities]]
MARKED = re.compile(r"([^<]*)(?:<([A-Z]+)>([^<]*)</[A-Z]+>)?")


def main() -> None:
    data, shared = Path(sys.argv[1]), Path(sys.argv[2])
    (data / "silver").mkdir(exist_ok=True)
    for language in sorted(news().keys() - {"latin"}):
        label(data, f"{language}.ntrex", ntrex(shared, language), language, listed)
    for language, tagger in TAGGERS.items():
        label(data, f"{language}.panx", panx(shared, language), language, tagger)


def label(data: Path, name: str, found: Iterable[str], language: str, tagger: Tagger) -> None:
    texts = list(dict.fromkeys(text.replace("\xa0", " ") for text in found))
    with gzip.open(data / "silver" / f"{name}.jsonl.gz", "wt", encoding="utf-8") as out:
        for text, entities in zip(texts, tagger(language, texts), strict=True):
            out.write(json.dumps({"text": text, "ents": entities}, ensure_ascii=False) + "\n")
    print(name, len(texts), flush=True)


def panx(shared: Path, language: str) -> Iterator[str]:
    """Running text only: its titles and fragments teach that everything is a name."""
    for record in read(shared / "entities" / "train" / f"{language}.panx.jsonl.gz"):
        text = record["text"]
        words = text.split()
        running = sum(word[0].islower() for word in words)
        if len(words) >= 6 and running >= 3 and not words[0][1:].isupper() and "''" not in text:
            yield re.sub(r" ([.,;:!?)])", r"\1", text).replace("( ", "(")


def ntrex(shared: Path, language: str) -> Iterator[str]:
    """News: single sentences, and the lines of whole documents."""
    for name in ("dev_sent", "dev_title", "dev_doc"):
        for record in read(shared / "language" / f"{name}.jsonl.gz"):
            if record["language"] == language:
                yield from filter(None, (line.strip() for line in record["text"].split("\n")))


def natasha(_: str, texts: list[str]) -> Iterator[Entities]:
    from natasha import Doc, NewsEmbedding, NewsNERTagger, Segmenter

    segmenter, tagger = Segmenter(), NewsNERTagger(NewsEmbedding())
    for text in texts:
        doc = Doc(text)
        doc.segment(segmenter)
        doc.tag_ner(tagger)
        yield [(span.start, span.stop, span.type) for span in doc.spans]


def spacy(_: str, texts: list[str]) -> Iterator[Entities]:
    import spacy

    pipeline = spacy.load("fr_core_news_md")
    for doc in pipeline.pipe(texts, batch_size=64):
        yield [(e.start_char, e.end_char, TYPES[e.label_]) for e in doc.ents if e.label_ in TYPES]


def corenlp(language: str, texts: list[str]) -> Iterator[Entities]:
    model = {
        "en": "english.all.3class.distsim.crf",
        "de": "german.distsim.crf",
        "es": "spanish.ancora.distsim.s512.crf",
    }[language]
    with tempfile.NamedTemporaryFile("w", suffix=".txt", encoding="utf-8") as file:
        file.write("\n".join(texts) + "\n")
        file.flush()
        command = [
            "java", "-Xmx3g", "-cp", os.environ["CORENLP"] + "/*", "edu.stanford.nlp.ie.crf.CRFClassifier",
            "-loadClassifier", f"edu/stanford/nlp/models/ner/{model}.ser.gz", "-textFile", file.name,
            "-outputFormat", "inlineXML", "-preserveSpacing", "true", "-encoding", "utf-8",
        ]  # fmt: skip
        output = subprocess.run(command, capture_output=True, check=True).stdout.decode()
    lines = output.split("\n")
    for i, text in enumerate(texts):
        plain, entities = "", []
        for before, kind, inside in MARKED.findall(lines[i] if i < len(lines) else ""):
            plain += html.unescape(before)
            inside = html.unescape(inside)
            if kind in TYPES:
                entities.append((len(plain), len(plain) + len(inside), TYPES[kind]))
            plain += inside
        yield entities if plain == text else []


@cache
def news() -> dict[str, dict[str, list[str]]]:
    """The names of the news by language and type, and under `no` what looks like one of them."""
    return tomllib.loads(Path(__file__).with_name("encoder").joinpath("news.toml").read_text(encoding="utf-8"))


def listed(language: str, texts: list[str]) -> Iterator[Entities]:
    """The longest names of `news`; an Arabic one with the prepositions that are written to it."""
    tables = [news()["latin"]] * (language in SHORT) + [news()[language]]
    kinds = {name: kind.upper() for table in tables for kind, names in table.items() for name in names}
    before, after = EDGES.get(language, (r"(?<![\w-])", r"(?!-?\w)"))
    pattern = re.compile(f"{before}({'|'.join(map(re.escape, sorted(kinds, key=len, reverse=True)))}){after}")
    for text in texts:
        found = (match for match in pattern.finditer(text) if not _OPENING.search(text[: match.end()]))
        yield [(match.start(), match.end(), kinds[match[1]]) for match in found if kinds[match[1]] != "NO"]


SHORT = ("ms", "vi")
"""Languages whose table holds only what `latin` does not."""
EDGES = {
    "ar": (r"(?<!\w)[وف]?[بلك]?", r"(?!-?\w)"),
    "ko": (r"(?<![\w-])", ""),
    **dict.fromkeys(("ja", "th", "zh-Hans", "zh-Hant"), ("", "")),
}
"""What stands before and after a name, where it is not the edge of a word."""

_OPENING = re.compile(r"(?:^|\W[^\w,] ?)(?:Anh|Ý)$")
"""Vietnamese for `he` and `idea` where a sentence begins with it; else England and Italy."""

TAGGERS: dict[str, Tagger] = {"ru": natasha, "fr": spacy, "en": corenlp, "de": corenlp, "es": corenlp}
"""Of the sentences of PAN-X."""


def read(path: Path) -> Iterator[dict]:
    with gzip.open(path, "rt", encoding="utf-8") as lines:
        yield from map(json.loads, lines)


if __name__ == "__main__":
    main()
