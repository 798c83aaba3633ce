# SPDX-License-Identifier: Apache-2.0
"""When docs/clients/redis_py.py replaces connections; the times are handed in."""

import pytest
from redis_py import ReconnectRule, backoff


@pytest.fixture
def rule() -> ReconnectRule:
    """Without a random delay."""
    return ReconnectRule(rand=lambda: 0)


def replaced(rule: ReconnectRule, *moments: float) -> list[float]:
    """The moments, of these, at which the connections are replaced."""
    return [moment for moment in moments if rule.take(moment)]


def test_the_first_generation_is_only_where_things_stand(rule):
    rule.saw_generation(1_794_998_765_123, 0)
    assert replaced(rule, 0, 1000) == []


def test_a_rise_replaces_the_connections_once(rule):
    rule.saw_generation(0, 0)
    rule.saw_generation(7, 5)
    assert replaced(rule, 4.9, 5, 5.1, 1000) == [5]


def test_the_same_generation_again_is_no_rise(rule):
    # As after relinkd's connection was lost and made anew.
    rule.saw_generation(7, 0)
    rule.saw_generation(7, 5)
    assert replaced(rule, 1000) == []


def test_a_relinkd_that_was_started_anew_is_no_reason(rule):
    rule.saw_generation(7, 0)
    rule.saw_generation(0, 5)
    rule.saw_generation(7, 6)
    assert replaced(rule, 1000) == []
    rule.saw_generation(8, 1001)
    assert replaced(rule, 1001) == [1001]


def test_a_rise_within_the_interval_waits_for_its_end(rule):
    rule.saw_generation(0, 0)
    rule.saw_generation(1, 10)
    assert replaced(rule, 10) == [10]
    rule.saw_generation(2, 20)
    rule.saw_generation(3, 30)
    assert replaced(rule, 30, 69.9, 70, 71, 200) == [70]


def test_after_the_interval_a_rise_counts_at_once(rule):
    rule.saw_generation(0, 0)
    rule.saw_generation(1, 10)
    assert replaced(rule, 10) == [10]
    rule.saw_generation(2, 100)
    assert replaced(rule, 100) == [100]


def test_errors_count_when_they_go_on(rule):
    for moment in (0, 10, 20, 29.9):
        rule.saw_error(moment)
        assert replaced(rule, moment) == []
    rule.saw_error(30)
    assert replaced(rule, 30) == [30]


def test_two_errors_far_apart_are_not_one_trouble(rule):
    rule.saw_error(0)
    rule.saw_error(31)
    assert replaced(rule, 31, 1000) == []
    # The trouble began with the second of them.
    rule.saw_error(50)
    rule.saw_error(61)
    assert replaced(rule, 61) == [61]


def test_after_a_replacement_errors_count_anew_and_keep_the_interval(rule):
    replacements = []
    for moment in range(0, 200, 5):
        rule.saw_error(moment)
        replacements += replaced(rule, moment)
    assert replacements == [30, 90, 150]


@pytest.mark.parametrize("share", [0, 0.5, 1])
def test_the_delay_is_random_up_to_the_jitter(share):
    rule = ReconnectRule(jitter=2, rand=lambda: share)
    rule.saw_generation(0, 0)
    rule.saw_generation(1, 10)
    assert rule.due == 10 + 2 * share


def test_more_reasons_do_not_put_off_what_is_due(rule):
    rule.saw_generation(0, 0)
    rule.saw_generation(1, 10)
    rule.saw_generation(2, 10.5)
    assert rule.due == 10


def test_backing_off_is_random_and_bounded():
    for attempt, most in {0: 1, 3: 8, 5: 30, 1000: 30}.items():
        waits = [backoff(attempt) for _ in range(1000)]
        assert 0 <= min(waits) and max(waits) <= most
        assert max(waits) - min(waits) > most / 2
