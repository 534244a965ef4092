"""How costs fall and demand grows; every rate is a share a year."""
# mypy: allow-untyped-defs, allow-untyped-calls

import numpy as np

from flopcast.equations.registry import equation

# The time that a rate is for: 365.25 days, in seconds.
_YEAR = 31_557_600.0


@equation(source="decline", unit="1", yearly_decline="1", elapsed_time="year", rate_year="year")
def decline_factor(yearly_decline, elapsed_time, rate_year=_YEAR):
    """Part that is left of a cost which falls by a share every year.

    Symbol: none (compounding of an annual decline)
    Valid: 0 <= decline < 1, the same every year
    """
    return (1.0 - yearly_decline) ** (elapsed_time / rate_year)


@equation(source="a16z", unit="1", yearly_growth="1", elapsed_time="year", rate_year="year")
def growth_factor(yearly_growth, elapsed_time, rate_year=_YEAR):
    """How many times as large a demand is that grows by a share every year.

    Symbol: none (compounding of a growth rate)
    Valid: growth > -1, the same every year
    """
    return (1.0 + yearly_growth) ** (elapsed_time / rate_year)


@equation(source="decline", unit="USD", initial_cost="USD", decline_factor="1")
def declined_cost(initial_cost, decline_factor):
    """Cost after a decline.

    Symbol: none ("Cost per Inference ($)")
    Valid: as for the factor
    """
    return initial_cost * decline_factor


@equation(source="drop-in", unit="USD", initial_cost="USD", growth_factor="1")
def grown_cost(initial_cost, growth_factor):
    """Cost after a rise.

    Symbol: none ("the average cost of computing is expected to climb")
    Valid: as for the factor
    """
    return initial_cost * growth_factor


@equation(source="decline", unit="USD", initial_cost="USD", one_off_reduction="1")
def reduced_cost(initial_cost, one_off_reduction):
    """Cost after a gain that happens once, such as a new technique.

    Symbol: none ("up to a 2x reduction", "nearly in half", "50-60%")
    Valid: 0 <= reduction < 1; a level, not a rate
    """
    return initial_cost * (1.0 - one_off_reduction)


@equation(source="decline", unit="1", earlier_cost="USD", later_cost="USD")
def relative_decline(earlier_cost, later_cost):
    """Decline of a cost on the year before.

    Symbol: none ("Cost Decline Compared to Prior Year")
    Valid: an earlier cost above 0
    """
    return 1.0 - later_cost / earlier_cost


@equation(
    source="decline",
    unit="1",
    earlier_cost="USD",
    later_cost="USD",
    total_time="year",
    rate_year="year",
)
def yearly_decline_from_costs(earlier_cost, later_cost, total_time, rate_year=_YEAR):
    """Yearly decline between two costs that lie some years apart.

    Symbol: none
    Valid: costs above 0
    ! The title says 20-30 % a year; the source's own table falls from 1 to 0.02 USD in seven
        years, 42.8 % a year.
    """
    return 1.0 - (later_cost / earlier_cost) ** (rate_year / total_time)


@equation(source="decline", unit="1", total_decline="1", total_time="year", rate_year="year")
def yearly_decline_from_total(total_decline, total_time, rate_year=_YEAR):
    """Yearly decline from a decline over some years.

    Symbol: none ("30-50% drop in inference costs over two years")
    Valid: 0 <= decline < 1
    ! "50 % from 2018 to 2021" is 20.6 % a year if it is one halving.
    """
    return 1.0 - (1.0 - total_decline) ** (rate_year / total_time)


@equation(source="drop-in", unit="1", total_growth="1", total_time="year", rate_year="year")
def yearly_growth_from_total(total_growth, total_time, rate_year=_YEAR):
    """Yearly growth from a rise over some time.

    Symbol: none ("climb 89% between 2023 and 2025")
    Valid: growth > -1; the time may be a week
    """
    return (1.0 + total_growth) ** (rate_year / total_time) - 1.0


@equation(source="decline", unit="1", decline_fold="1", fold_time="year", rate_year="year")
def yearly_decline_from_fold(decline_fold, fold_time, rate_year=_YEAR):
    """Yearly decline of a cost that falls x-fold every n years.

    Symbol: none ("a 2x decrease every 1-2 years")
    Valid: fold >= 1
    """
    return 1.0 - (1.0 / decline_fold) ** (rate_year / fold_time)


@equation(source="cset", unit="1", growth_fold="1", fold_time="year", rate_year="year")
def yearly_growth_from_fold(growth_fold, fold_time, rate_year=_YEAR):
    """Yearly growth of a demand that rises x-fold every n years.

    Symbol: none (the growth of training compute, Figure 3)
    Valid: fold > 0
    """
    return growth_fold ** (rate_year / fold_time) - 1.0


@equation(
    source="cset",
    unit="1",
    early_growth="1",
    late_growth="1",
    elapsed_time="year",
    kink_time="year",
    rate_year="year",
)
def kinked_growth_factor(early_growth, late_growth, elapsed_time, kink_time, rate_year=_YEAR):
    """How many times as large a demand is whose growth slows at a moment.

    Symbol: none (the kinked line of Figure 3)
    Valid: growth > -1, elapsed time and kink at least 0
    """
    before = growth_factor(early_growth, np.minimum(elapsed_time, kink_time), rate_year)
    after = growth_factor(late_growth, np.maximum(elapsed_time - kink_time, 0.0), rate_year)
    return before * after
