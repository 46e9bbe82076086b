from __future__ import annotations

from collections import Counter, defaultdict
from datetime import UTC, datetime
from itertools import pairwise
from statistics import median
from zoneinfo import ZoneInfo

import numpy as np
import pytest

from callreel.archive.take_in import check_call
from callreel.demo.calls import DAY, generate, shares_of
from callreel.demo.people import TAGS, company_number, customer_numbers, spelled, staff
from callreel.model import Call, DialogType, Direction

NOW = 1_762_000_000
COUNT = 20_000


def drawn(seed: int = 1, count: int = COUNT, tenants: int = 50) -> list[tuple[int, Call]]:
    return list(generate(seed=seed, count=count, tenants=tenants, days=90, now=NOW))


@pytest.fixture(scope="module")
def calls() -> list[tuple[int, Call]]:
    return drawn()


def test_there_are_as_many_calls_as_asked_for(calls: list[tuple[int, Call]]) -> None:
    assert len(calls) == COUNT


def test_more_than_a_block_of_calls_is_complete() -> None:
    ids = {call.dialog_id for _, call in drawn(count=45_001)}

    assert len(ids) == 45_001


def test_the_same_arguments_give_the_same_calls() -> None:
    assert drawn(count=500) == drawn(count=500)


def test_another_seed_gives_other_calls() -> None:
    assert drawn(seed=1, count=50) != drawn(seed=2, count=50)


def test_tenants_have_skewed_shares(calls: list[tuple[int, Call]]) -> None:
    sizes = Counter(tenant for tenant, _ in calls)

    assert 0.27 < sizes[0] / COUNT < 0.33
    assert set(sizes) == set(range(50))
    assert sizes[0] > 10 * sizes[49]


def test_shares_make_a_whole() -> None:
    assert shares_of(7).sum() == pytest.approx(1)


def test_all_calls_lie_within_the_days_before_now(calls: list[tuple[int, Call]]) -> None:
    assert min(call.started_at for _, call in calls) >= NOW - 90 * DAY
    assert max(call.hung_up_at for _, call in calls) <= NOW


def test_a_single_day_is_enough() -> None:
    day = list(generate(seed=1, count=300, tenants=2, days=1, now=NOW))

    assert len(day) == 300
    assert min(call.started_at for _, call in day) >= NOW - DAY


def test_every_call_may_be_taken_in(calls: list[tuple[int, Call]]) -> None:
    for _, call in calls:
        check_call(call)


def test_times_follow_one_another(calls: list[tuple[int, Call]]) -> None:
    for _, call in calls:
        times = [
            call.started_at,
            call.alerted_at,
            call.rang_at,
            call.answered_at,
            call.served_at,
            call.hung_up_at,
        ]
        known = [time for time in times if time is not None]
        assert len(known) == 6
        assert all(earlier <= later for earlier, later in pairwise(known))


def test_lengths_agree_with_times(calls: list[tuple[int, Call]]) -> None:
    for _, call in calls:
        assert call.served_at is not None
        assert call.waiting_ms is not None
        assert abs((call.served_at - call.started_at) * 1000 - call.waiting_ms) < 1000
        assert abs((call.hung_up_at - call.served_at) * 1000 - call.talking_ms) < 2600
        assert (call.first_queue_waiting_ms or 0) <= call.waiting_ms


def test_a_fifth_of_the_calls_is_tagged_with_known_tags(calls: list[tuple[int, Call]]) -> None:
    tagged = [call.tags for _, call in calls if call.tags]

    assert 0.18 < len(tagged) / COUNT < 0.22
    assert {tag for tags in tagged for tag in tags} == {tag.id for tag in TAGS}
    assert all(list(tags) == sorted(set(tags)) for tags in tagged)


def test_most_calls_are_on_business_days_in_business_hours(calls: list[tuple[int, Call]]) -> None:
    zone = ZoneInfo("Europe/Warsaw")
    local = [datetime.fromtimestamp(call.started_at, UTC).astimezone(zone) for _, call in calls]

    assert sum(moment.weekday() < 5 for moment in local) / COUNT > 0.93
    assert sum(8 <= moment.hour < 18 for moment in local) / COUNT > 0.8


def test_talking_times_are_skewed_and_bounded(calls: list[tuple[int, Call]]) -> None:
    talking = sorted(call.talking_ms for _, call in calls)

    assert 90_000 < median(talking) < 160_000
    assert sum(talking) / COUNT > 1.3 * median(talking)
    assert talking[0] >= 1_000
    assert talking[-1] <= 3_600_000


def test_few_projects_are_big_and_many_small(calls: list[tuple[int, Call]]) -> None:
    sizes = Counter(call.project for tenant, call in calls if tenant == 0 and call.project)
    ranked = [size for _, size in sizes.most_common()]

    assert len(ranked) > 10
    assert ranked[0] > 5 * median(ranked)


def test_a_customer_has_up_to_three_numbers() -> None:
    customers = np.arange(300)
    every = [customer_numbers(customers * 0, customers, customers * 0 + i) for i in range(6)]
    owned = [len(set(numbers)) for numbers in zip(*every, strict=True)]

    assert set(owned) == {1, 2, 3}
    assert owned.count(1) > 150


def test_some_customers_call_often_and_most_once_or_twice() -> None:
    numbers = Counter(
        call.from_number
        for tenant, call in drawn(tenants=2)
        if tenant == 0 and call.direction is Direction.INBOUND
    )

    assert numbers.most_common(2)[1][1] > 20
    assert sum(times <= 2 for times in numbers.values()) > 500


def test_a_machine_is_only_called_out_to(calls: list[tuple[int, Call]]) -> None:
    machines = [call for _, call in calls if call.machine_detected]

    assert machines
    assert all(call.direction is Direction.OUTBOUND for call in machines)
    assert all(call.machine_type == "AMD" for call in machines)


def test_both_directions_and_several_types_and_causes_occur(calls: list[tuple[int, Call]]) -> None:
    assert 0.6 < sum(call.direction is Direction.INBOUND for _, call in calls) / COUNT < 0.7
    assert {call.dialog_type for _, call in calls} >= {DialogType.CONSULTANT, DialogType.BOT}
    assert {call.end_cause for _, call in calls} >= {"DIALOG_LEFT", None}


def test_some_calls_lack_a_number_a_project_or_a_user(calls: list[tuple[int, Call]]) -> None:
    assert any(call.from_number is None for _, call in calls)
    assert any(call.project is None for _, call in calls)
    assert any(call.user is None for _, call in calls)


def test_an_id_has_one_name_in_its_tenant(calls: list[tuple[int, Call]]) -> None:
    names: dict[tuple[int, int], set[str | None]] = defaultdict(set)
    for tenant, call in calls:
        if call.user is not None:
            names[tenant, call.user.id].add(call.user.name)

    assert all(len(known) == 1 for known in names.values())


def test_users_have_names_of_their_own() -> None:
    users = staff(3, 60, 400).users

    assert len({user.name for user in users}) == 400
    assert len({user.id for user in users}) == 400


def test_names_have_polish_letters(calls: list[tuple[int, Call]]) -> None:
    letters = {letter for _, call in calls if call.user for letter in call.user.name or ""}

    assert letters & set("ąćęłńóśźż")


def test_numbers_come_in_several_spellings() -> None:
    spellings = {spelled(48601234567, spelling) for spelling in range(20)}

    assert spellings == {"+48601234567", "0048601234567", "601234567", "+48 601 234 567"}


def test_a_foreign_number_is_never_shortened() -> None:
    assert spelled(491511234567, 3) == "+491511234567"


def test_projects_have_numbers_of_their_own() -> None:
    assert company_number(0, 1) != company_number(0, 2)
    assert company_number(0, 1) == company_number(0, 1)
