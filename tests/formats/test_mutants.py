"""Broken inputs: each is read, taken apart or refused with a reason that fits, in time; nothing else ever happens.

A share of `make fuzz`, which takes 10,000 of them through all stages.
"""

import time
from datetime import UTC, datetime

import pytest

from streams.errors import Reason, Unprocessable
from streams.formats import read
from tests.support.mutants import FITTING, KINDS, Mutant, mutants, outcome_of, prepared

PER_KIND = 60

SECONDS = 2.0
"""For one input of a megabyte at most, on a busy machine; the stages have ten times as long for their release."""

BROKEN = list(mutants(PER_KIND * len(KINDS), seed=2))

ALWAYS = {"bombs": {Reason.TOO_LARGE}}
"""Where only one verdict is right."""


def verdict(mutant: Mutant) -> Reason | None:
    headers = {name: (value or b"").decode("utf-8", "replace") for name, value in mutant.headers}
    try:
        read(
            mutant.data,
            content_type=headers.get("content-type"),
            key="key",
            received_at=datetime(2026, 11, 24, tzinfo=UTC),
            headers=headers,
            limit_bytes=1_000_000,
        )
    except Unprocessable as exc:
        return exc.reason
    return None


@pytest.mark.parametrize("kind", KINDS)
def test_a_broken_input_is_read_or_refused_with_a_reason_that_fits(kind: str) -> None:
    for mutant in (each for each in BROKEN if each.kind == kind):
        began = time.process_time()
        reason = verdict(mutant)
        assert time.process_time() - began < SECONDS, (mutant.seed, len(mutant.data))
        assert reason in ALWAYS.get(kind, FITTING | {None}), mutant.seed


def test_no_broken_input_makes_a_stage_raise() -> None:
    worker = prepared()
    for mutant in mutants(5 * len(KINDS), seed=3):
        _, _, fault = outcome_of(mutant, worker)
        assert not fault, (mutant.kind, mutant.seed, fault)


def test_the_same_seed_makes_the_same_inputs() -> None:
    assert list(mutants(40, seed=5)) == list(mutants(40, seed=5)) != list(mutants(40, seed=6))
