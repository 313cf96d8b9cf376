"""The watchdog's judgement: what is stuck, what is only waiting, and what is not ours to judge."""

import pytest

from streams.runtime.watchdog import Progress

LIMIT = 10.0
OURS = {0, 1}


def watched(*looks: tuple[float, dict[int, int], dict[int, int]]) -> Progress:
    """Progress after some looks at the broker: (time, committed, ends)."""
    progress = Progress(LIMIT)
    for now, committed, ends in looks:
        progress.observe(now, committed, ends)
    return progress


def test_lag_is_what_the_broker_has_and_the_group_has_not_committed() -> None:
    progress = Progress(LIMIT)
    assert progress.observe(0, {0: 5, 1: 7}, {0: 8, 1: 7, 2: 3}) == {0: 3, 1: 0, 2: 3}


def test_an_end_behind_the_commit_is_no_lag() -> None:
    """The development broker's ends are behind, and a topic made anew starts at zero."""
    assert Progress(LIMIT).observe(0, {0: 9}, {0: 8}) == {0: 0}


def test_lag_without_a_commit_is_stuck_past_the_limit_and_not_before() -> None:
    progress = watched((0, {0: 5}, {0: 8}), (LIMIT, {0: 5}, {0: 9}))
    assert progress.still(LIMIT, OURS) == (LIMIT, [])
    assert progress.still(LIMIT + 1, OURS) == (LIMIT + 1, [0])


def test_a_commit_starts_the_clock_anew_however_large_the_lag() -> None:
    progress = watched((0, {0: 5}, {0: 1_000}), (LIMIT, {0: 6}, {0: 2_000}))
    assert progress.still(LIMIT + 5, OURS) == (5, [])


def test_nothing_to_do_is_not_stuck() -> None:
    progress = watched((0, {0: 5}, {0: 5}), (100, {0: 5}, {0: 5}))
    assert progress.still(100, OURS) == (0, [])


def test_work_that_comes_after_a_long_quiet_has_its_full_time() -> None:
    progress = watched((0, {0: 5}, {0: 5}), (100, {0: 5}, {0: 5}), (101, {0: 5}, {0: 6}))
    assert progress.still(101, OURS) == (1, [])


def test_a_commit_that_goes_back_counts_as_movement() -> None:
    """An operator who resets the group is at work."""
    progress = watched((0, {0: 5}, {0: 9}), (LIMIT, {0: 0}, {0: 9}))
    assert progress.still(LIMIT + 1, OURS) == (1, [])


def test_lag_in_seconds_counts_from_when_the_oldest_uncommitted_record_was_first_seen() -> None:
    progress = watched((0, {0: 5}, {0: 5}), (10, {0: 5}, {0: 8}), (20, {0: 7}, {0: 9}))
    assert progress.waited(30) == {0: 20}


def test_what_is_committed_no_longer_counts_as_lag_in_seconds() -> None:
    progress = watched((0, {0: 5}, {0: 8}), (10, {0: 8}, {0: 8}), (20, {0: 8}, {0: 9}), (21, {0: 9}, {0: 9}))
    assert progress.waited(30) == {0: 0}


def test_a_backlog_from_before_the_first_look_counts_from_then() -> None:
    assert watched((100, {0: 0}, {0: 900}), (110, {0: 300}, {0: 900})).waited(160) == {0: 60}


def test_while_the_broker_cannot_be_asked_nobody_is_stuck() -> None:
    progress = watched((0, {0: 5}, {0: 9}))
    progress.blind(500)
    assert progress.still(505, OURS) == (5, [])


def test_one_partition_that_stands_still_is_enough() -> None:
    progress = watched((0, {0: 5, 1: 5}, {0: 9, 1: 9}), (11, {0: 6, 1: 5}, {0: 9, 1: 9}))
    assert progress.still(11, OURS) == (11, [1])


def test_partitions_of_others_do_not_count() -> None:
    progress = watched((0, {0: 5, 7: 5}, {0: 9, 7: 9}), (11, {0: 6, 7: 5}, {0: 9, 7: 9}))
    assert progress.still(11, {0}) == (0, [])


@pytest.mark.parametrize(
    ("committed", "stuck"),
    [({0: 5, 1: 5}, [0, 1]), ({0: 6, 1: 5}, [])],
    ids=["nobody moves: the whole group is stuck", "somebody moves: not ours to judge"],
)
def test_without_partitions_we_are_stuck_only_if_nobody_moves(committed: dict[int, int], stuck: list[int]) -> None:
    progress = watched((0, {0: 5, 1: 5}, {0: 9, 1: 9}), (11, committed, {0: 9, 1: 9}))
    assert progress.still(11, set())[1] == stuck


def test_without_partitions_and_without_lag_we_are_not_stuck() -> None:
    progress = watched((0, {0: 9}, {0: 9}), (100, {0: 9}, {0: 9}))
    assert progress.still(100, set()) == (0, [])


def test_a_partition_that_is_new_has_its_full_time() -> None:
    progress = watched((0, {0: 9}, {0: 9}), (100, {0: 9}, {0: 9, 1: 50}))
    assert progress.still(105, OURS) == (5, [])
