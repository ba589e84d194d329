import pytest

from funding_platform.venues.parsing.accrual import Sample, paid_until, period_edges

HOUR = 3_600_000


def sample(time_ms: int, index: float, premium: float = 8.0, rate: float = 0.0008) -> Sample:
    return Sample(time_ms, index, premium, rate, 8 * HOUR)


@pytest.mark.parametrize(
    ("start_hour", "end_hour", "edges"),
    [
        (8, 24, [0, 8, 16, 24]),  # both ends count
        (9, 23, [8, 16]),
        (9, 15, []),  # no period ends in between
        (20, 3, []),  # a market opened after the end of what is asked for
    ],
)
def test_edges_of_the_periods_that_end_within(
    start_hour: int, end_hour: int, edges: list[int]
) -> None:
    found = period_edges(start_hour * HOUR, end_hour * HOUR, 8 * HOUR)
    assert list(found) == [hour * HOUR for hour in edges]


def test_a_period_pays_what_the_index_grew_by_as_a_fraction_of_the_price() -> None:
    """From 100 to 110, of a price of 8 / 0.0008 = 10,000: a thousandth."""
    samples = {0: sample(0, 100.0), 8 * HOUR: sample(8 * HOUR, 110.0)}
    assert paid_until(samples) == {8 * HOUR: pytest.approx(0.001)}


def test_an_index_runs_on_from_its_last_sample() -> None:
    """One hour before the edge it stands at 109; an eighth of the premium of 8 follows."""
    samples = {0: sample(0, 100.0), 8 * HOUR: sample(7 * HOUR, 109.0)}
    assert paid_until(samples) == {8 * HOUR: pytest.approx(0.001)}


def test_a_rate_of_zero_leaves_the_price_to_the_sample_before() -> None:
    closing = sample(8 * HOUR, 110.0, premium=0.0, rate=0.0)
    assert paid_until({0: sample(0, 100.0), 8 * HOUR: closing}) == {8 * HOUR: pytest.approx(0.001)}


@pytest.mark.parametrize(("index", "paid"), [(100.0, 0.0), (110.0, None)])
def test_without_any_price_only_nothing_is_a_known_fraction(
    index: float, paid: float | None
) -> None:
    blank = [
        sample(hour * HOUR, at, premium=0.0, rate=0.0) for hour, at in ((0, 100.0), (8, index))
    ]
    assert paid_until({0: blank[0], 8 * HOUR: blank[1]}) == {8 * HOUR: paid}


def test_an_unknown_edge_voids_both_periods_beside_it() -> None:
    ends = [0, 8 * HOUR, 16 * HOUR, 24 * HOUR]
    samples = {end: sample(end, 100.0) if end != ends[1] else None for end in ends}
    assert paid_until(samples) == {ends[1]: None, ends[2]: None, ends[3]: 0.0}
