"""What the format declares against what the text shows: which of the two a field holds, and why.

Who wrote a release and who owns it, its provider knows better than our reading of the text. What language it is in, and
where it was issued, the text shows, while declarations are often a template's.
"""

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any, Literal

from streams.records import Contact, Dateline, Decision, IdentifiedRelease

SILENT = "the text does not say"
PROVIDER = "its provider knows better"
SHOWN = "the text shows it"
LATER = "the later of the two: no embargo may be broken"
LANGUAGE = {
    "text": "the text is in it",
    "body": "its body is in it",
    "hint": "the text leaves it open",
}
"""`language_basis` in words."""

MAX_WORDS = 500
"""Characters of a value in a decision: the whole stands in `declared` and in the record's field."""

_SUBHEADLINES = frozenset(("sub", "subhead", "subheadline", "subtitle", "deck"))
_OLD_TAGS = {"iw": "he", "in": "id", "ji": "yi", "cmn": "zh", "no": "nb"}
_TRADITIONAL = frozenset(("hant", "tw", "hk", "mo"))
_PARTIES = ("people", "organisations", "infoSources")


def weigh_declared(release: IdentifiedRelease, found: Mapping[str, Any]) -> dict[str, Any]:
    """Weigh the fields read from the text against what is declared of the same. Returns the fields that it settles."""
    said = release.declared.properties
    headline = found.get("title", "")
    settled: dict[str, Any] = {"title": release.title or headline}
    decisions = [*release.decisions, *_language(release, found)]
    if release.title and headline and not _alike(release.title, headline):
        decisions.append(_decision("title", release.title, headline, "declared", PROVIDER))
    for field, declared in _said_of_it(said) if said else ():
        if declared:
            settled[field] = declared
            if not _alike(declared, shown := found.get(field, "")):
                decisions.append(_decision(field, declared, shown, "declared", PROVIDER if shown else SILENT))
    dateline: Dateline | None = found.get("dateline")
    located = _word(said, "located")
    if dateline and dateline.city and located and not _alike(located, dateline.city):
        decisions.append(_decision("dateline", located, dateline.city, "found", SHOWN))
    if said and not found.get("contacts") and (contacts := tuple(_contacts(said))):
        settled["contacts"] = contacts
        names = "; ".join(c.name or c.organisation or c.email or c.phone for c in contacts)
        decisions.append(_decision("contacts", names, "", "declared", SILENT))
    ends: tuple[datetime | None, datetime | None] = (release.embargoed_until, found.get("embargoed_until"))
    settled["embargoed_until"] = max(filter(None, ends), default=None)
    if ends[0] and ends[1] and ends[0] != ends[1]:
        chosen: Literal["declared", "found"] = "declared" if ends[0] > ends[1] else "found"
        decisions.append(_decision("embargoed_until", ends[0].isoformat(), ends[1].isoformat(), chosen, LATER))
    return {**settled, "decisions": tuple(decisions)}


def _said_of_it(said: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """The fields that a word of the format's own settles, each with the word."""
    yield "subtitle", next((_word(h, "value") for h in _all(said, "headlines") if h.get("role") in _SUBHEADLINES), "")
    yield "byline", _word(said, "by")
    yield "copyright", _word(said, "copyrightNotice")


def _language(release: IdentifiedRelease, found: Mapping[str, Any]) -> Iterator[Decision]:
    hint = release.language_hint
    language, basis = found.get("language", release.language), found.get("language_basis", release.language_basis)
    if basis == "hint":
        likelier = release.alternatives[0].language if release.alternatives else ""
        yield _decision("language", hint, likelier, "declared", LANGUAGE["hint"])
    elif hint and not _same_language(hint, language):
        why = "the text does not tell it" if language == "und" else LANGUAGE.get(basis, SHOWN)
        yield _decision("language", hint, language, "found", why)


def _same_language(hint: str, language: str) -> bool:
    declared, found = hint.lower().replace("_", "-").split("-"), language.lower().split("-")
    if _OLD_TAGS.get(declared[0], declared[0]) != _OLD_TAGS.get(found[0], found[0]):
        return False
    chinese = found[0] == "zh" and len(declared) > 1
    return not chinese or bool(_TRADITIONAL & set(declared)) == bool(_TRADITIONAL & set(found))


def _decision(field: str, declared: str, found: str, chosen: Literal["declared", "found"], why: str) -> Decision:
    return Decision(field=field, declared=declared[:MAX_WORDS], found=found[:MAX_WORDS], chosen=chosen, why=why)


def _alike(declared: str, found: str) -> bool:
    """Say whether they say the same, one of them perhaps with more around it: `By Mina Cho`, `Busan, Korea`."""
    one, other = _folded(declared), _folded(found)
    return bool(one and other) and (one in other or other in one)


def _folded(text: str) -> str:
    return "".join(character for character in text.casefold() if character.isalnum())


def _contacts(said: Mapping[str, Any]) -> Iterator[Contact]:
    """Whom to ask, among the people and organisations that are declared: those with a number or an address."""
    for name in _PARTIES:
        for party in _all(said, name):
            reach = {each.get("type"): _word(each, "value") for each in _all(party, "contactInfo")}
            phone, email = reach.get("phone", ""), reach.get("email", "")
            own = "organisation" if name == "organisations" else "name"
            if phone or email:
                yield Contact(**{own: _word(party, "name")}, phone=phone, email=email)


def _all(said: Mapping[str, Any], name: str) -> list[dict[str, Any]]:
    values = said.get(name)
    return [each for each in values if isinstance(each, dict)] if isinstance(values, list) else []


def _word(said: Mapping[str, Any], name: str) -> str:
    return str(said.get(name, ""))
