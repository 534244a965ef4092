"""Compute-optimal sizes, and what performance scale buys."""
# mypy: allow-untyped-defs, allow-untyped-calls

import numpy as np

from flopcast.equations.registry import equation


@equation(
    source="cset",
    unit="1",
    training_cost="USD",
    compute_optimal_intercept="1",
    compute_optimal_exponent="1",
    reference_cost="USD",
)
def compute_optimal_parameters(
    training_cost,
    compute_optimal_intercept=7.77,
    compute_optimal_exponent=0.498,
    reference_cost=1.0,
):
    """Parameters of a compute-optimal model that costs so much to train.

    Symbol: N = 10^7.77 C_T^0.498, Eq A1 and A2
    Valid: a fit to the Chinchilla law at three-year reserved prices (11.57 USD an hour for 8 A100)
    ! 100e6 USD give 568e9 parameters; the source says 327-550e9 in its appendix and 369-520e9 in
        its body.
    """
    return 10.0**compute_optimal_intercept * (
        (training_cost / reference_cost) ** compute_optimal_exponent
    )


@equation(
    source="cset",
    unit="1",
    affordable_flops="FLOP",
    tokens_per_parameter="token",
    training_flops_per_parameter="FLOP/token",
)
def chinchilla_parameters(
    affordable_flops, tokens_per_parameter=20.0, training_flops_per_parameter=6.0
):
    """Parameters of a compute-optimal model that takes so many FLOPs to train.

    Symbol: N of C = 6 N D with D = 20 N (the Chinchilla trend, Appendix A)
    Valid: dense transformers trained once on fresh data
    ! For 1.43e25 and 4.06e25 FLOPs this gives 345e9 and 582e9; the source says 327-550e9 in its
        appendix and 369-520e9 in its body.
    """
    return np.sqrt(affordable_flops / (training_flops_per_parameter * tokens_per_parameter))


@equation(source="cset", unit="token", parameters="1", tokens_per_parameter="token")
def chinchilla_tokens(parameters, tokens_per_parameter=20.0):
    """Training tokens of a compute-optimal model.

    Symbol: D = 20 N
    Valid: dense transformers trained once on fresh data
    """
    return tokens_per_parameter * parameters


@equation(
    source="cset",
    unit="FLOP",
    parameters="1",
    tokens_per_parameter="token",
    training_flops_per_parameter="FLOP/token",
)
def chinchilla_flops(parameters, tokens_per_parameter=20.0, training_flops_per_parameter=6.0):
    """FLOPs to train a compute-optimal model.

    Symbol: C = 6 N D with D = 20 N
    Valid: within about 6 % of the 1.27e26 that the source takes for 1e12 parameters
    """
    return training_flops_per_parameter * parameters * (tokens_per_parameter * parameters)


@equation(
    source="cset",
    unit="FLOP",
    parameters="1",
    reference_parameters="1",
    reference_training_flops="FLOP",
    earlier_trend_exponent="1",
)
def earlier_trend_flops(
    parameters, reference_parameters, reference_training_flops, earlier_trend_exponent=0.73
):
    """FLOPs to train a model on the trend before Chinchilla, through a known model.

    Symbol: none (the earlier trend of Figure 1); N grows as C^0.73 by Kaplan et al., Scaling Laws
        for Neural Language Models, 2020
    Valid: models like GPT-3, trained on few tokens per parameter
    """
    return reference_training_flops * (
        (parameters / reference_parameters) ** (1.0 / earlier_trend_exponent)
    )


@equation(
    source="cset",
    unit="1",
    training_cost="USD",
    pass_rate_coefficient="1",
    pass_rate_exponent="1",
    reference_cost="USD",
)
def pass_rate(training_cost, pass_rate_coefficient, pass_rate_exponent, reference_cost=1.0):
    """Pass rate at programming problems of a model that costs so much to train.

    Symbol: -E[ln pass rate] = alpha C^-k
    Valid: a geometric mean over the problems; fitted on GPT-4's smaller siblings, extrapolated
        above 100e6 USD
    ! No single k fits the printed rates: 64 to 74 % gives 0.171, 74 to 91 % gives 0.126, 74 to
        94.4 % at 1e15 USD gives at most 0.103. Take k as uncertain.
    """
    return np.exp(
        -(pass_rate_coefficient * (training_cost / reference_cost) ** (-pass_rate_exponent))
    )


@equation(
    source="cset",
    unit="1",
    first_training_cost="USD",
    first_pass_rate="1",
    second_training_cost="USD",
    second_pass_rate="1",
)
def pass_rate_exponent(
    first_training_cost, first_pass_rate, second_training_cost, second_pass_rate
):
    """Exponent of the pass rate through two known models.

    Symbol: k
    Valid: rates between 0 and 1, two different costs
    """
    return np.log(np.log(first_pass_rate) / np.log(second_pass_rate)) / np.log(
        second_training_cost / first_training_cost
    )


@equation(
    source="cset",
    unit="1",
    first_training_cost="USD",
    first_pass_rate="1",
    pass_rate_exponent="1",
    reference_cost="USD",
)
def pass_rate_coefficient(
    first_training_cost, first_pass_rate, pass_rate_exponent, reference_cost=1.0
):
    """Coefficient of the pass rate through a known model.

    Symbol: alpha
    Valid: a rate between 0 and 1
    """
    return -np.log(first_pass_rate) * (first_training_cost / reference_cost) ** pass_rate_exponent


@equation(
    source="cset",
    unit="USD",
    target_pass_rate="1",
    pass_rate_coefficient="1",
    pass_rate_exponent="1",
    reference_cost="USD",
)
def pass_rate_training_cost(
    target_pass_rate, pass_rate_coefficient, pass_rate_exponent, reference_cost=1.0
):
    """Training cost at which a pass rate is reached by scale alone.

    Symbol: C of -E[ln pass rate] = alpha C^-k
    Valid: a rate between 0 and 1; far extrapolation ("over a quadrillion dollars" for 94.4 %)
    """
    odds = pass_rate_coefficient / -np.log(target_pass_rate)
    return reference_cost * odds ** (1.0 / pass_rate_exponent)
