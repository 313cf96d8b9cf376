"""Which rules a release meets: by an index, so that a hundred thousand rules cost about as much as ten.

All that a rule can ask for is written as a key, `language=ko` or `symbol=XNAS:NVDA`; a release has keys, and so has
each of its entities. Every rule is filed under the rarest of the keys that it cannot do without.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from streams.records import EnrichedRelease, Entity, IdentifiedRelease


@dataclass(frozen=True, slots=True)
class Rule:
    """What a release must have: of each set in `asks` one key, and one entity with all keys of a set in `entities`."""

    name: str
    topic: str
    """May have placeholders."""
    asks: tuple[frozenset[str], ...]
    entities: tuple[frozenset[str], ...] = ()
    """Empty: any, or none at all."""


@dataclass(frozen=True, slots=True)
class Met:
    """A rule that a release meets, and the keys by which it does."""

    rule: Rule
    because: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Index:
    """Rules, filed by key."""

    rules: tuple[Rule, ...] = ()
    by_key: Mapping[str, tuple[int, ...]] = field(default_factory=dict)
    """Numbers of the rules that nothing without this key can meet, but for another key of the same set."""

    def meet(self, release: IdentifiedRelease) -> Iterator[Met]:
        """Yield the rules that the release meets, in their order."""
        keys = release_keys(release)
        entities = [entity_keys(entity) for entity in release.entities] if isinstance(release, EnrichedRelease) else []
        filed = self.by_key
        numbers = {number for key in keys.union(*entities) if key in filed for number in filed[key]}
        for number in sorted(numbers):
            rule = self.rules[number]
            because = _because(rule, keys, entities)
            if because is not None:
                yield Met(rule, because)


def index(rules: Iterable[Rule]) -> Index:
    """File rules, each asking for something, by their rarest keys."""
    listed = tuple(rules)
    counts = Counter(key for rule in listed for keys in (*rule.asks, *rule.entities) for key in keys)
    filed: dict[str, list[int]] = {}
    for number, rule in enumerate(listed):
        for key in _rarest(rule, counts):
            filed.setdefault(key, []).append(number)
    return Index(listed, {key: tuple(numbers) for key, numbers in filed.items()})


def release_keys(release: IdentifiedRelease) -> frozenset[str]:
    """The keys of the release itself. A language counts as what it is a kind of, too: `zh-Hans` as `zh`."""
    keys = {f"status={release.pub_status}", f"source={release.source.casefold()}"}
    keys.update(f"language={language}" for language in languages(release.language))
    if isinstance(release, EnrichedRelease):
        keys.update(f"sector={sector.casefold()}" for sector in release.sectors)
    return frozenset(keys)


def entity_keys(entity: Entity) -> frozenset[str]:
    """The keys of an entity; a symbol with its exchange and without."""
    keys = {f"type={entity.type}", f"name={entity.name.casefold()}"}
    if entity.uri:
        keys.add(f"uri={entity.uri}")
    for symbol in entity.symbols:
        keys.update((f"symbol={symbol.symbol}", f"symbol={symbol.exchange}:{symbol.symbol}"))
    return frozenset(keys)


def languages(language: str) -> tuple[str, ...]:
    """A language and what it is a kind of, the narrowest first: `zh-Hant-HK`, `zh-Hant`, `zh`."""
    parts = language.split("-")
    return tuple("-".join(parts[:count]) for count in range(len(parts), 0, -1))


def _rarest(rule: Rule, counts: Mapping[str, int]) -> Iterable[str]:
    """Keys of which a release must have one to meet the rule: those that the fewest rules name."""
    ways: list[Iterable[str]] = []
    if rule.entities:
        ways.append({min(keys, key=lambda key: (counts[key], key)) for keys in rule.entities})
    ways += rule.asks
    return min(ways, key=lambda keys: sum(counts[key] for key in keys))


def _because(rule: Rule, keys: frozenset[str], entities: Iterable[frozenset[str]]) -> tuple[str, ...] | None:
    because: list[str] = []
    for asked in rule.asks:
        found = asked & keys
        if not found:
            return None
        because += sorted(found)
    if rule.entities:
        named = next((asked for asked in rule.entities for has in entities if asked <= has), None)
        if named is None:
            return None
        because.append(" ".join(sorted(named)))
    return tuple(because)
