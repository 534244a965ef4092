"""Cost of running a model where loading its weights is the bottleneck."""
# mypy: allow-untyped-defs, allow-untyped-calls

from flopcast.equations.registry import equation


@equation(
    source="cset",
    unit="s",
    parameters="1",
    weight_bytes_per_parameter="byte",
    memory_bandwidth="byte/s",
)
def weights_load_time(parameters, memory_bandwidth, weight_bytes_per_parameter=2.0):
    """Time to read the weights of a model once.

    Symbol: 2 N / A_mb, in Eq A3
    Valid: each weight is read once for each token of a sequence; GPUs share the work evenly
    ! The bandwidth is printed as 2GB/s; an A100 has 2 TB/s, and only that gives the printed cost.
    """
    return weight_bytes_per_parameter * parameters / memory_bandwidth


@equation(
    source="cset",
    unit="USD/token",
    weights_load_time="s",
    gpu_price="USD/hour",
    tokens_per_pass="token",
)
def memory_bound_token_cost(weights_load_time, gpu_price, tokens_per_pass=1.0):
    """Cost of a generated token when reading the weights is the bottleneck.

    Symbol: C_I, Eq A3
    Valid: the source counts one sequence; a batch makes as many tokens in a pass as its size
    """
    return weights_load_time * gpu_price / tokens_per_pass


@equation(
    source="cset",
    unit="USD/ktoken",
    compute_optimal_parameters="1",
    memory_bandwidth="byte/s",
    gpu_price="USD/hour",
    weight_bytes_per_parameter="byte",
    tokens_per_pass="token",
)
def compute_optimal_token_cost(
    compute_optimal_parameters,
    memory_bandwidth,
    gpu_price,
    weight_bytes_per_parameter=2.0,
    tokens_per_pass=1.0,
):
    """Cost of generated tokens of a compute-optimal model, from its training cost.

    Symbol: C_I, Eq A4
    Valid: as Eq A2 and A3
    """
    load_time = weights_load_time(
        compute_optimal_parameters, memory_bandwidth, weight_bytes_per_parameter
    )
    return memory_bound_token_cost(load_time, gpu_price, tokens_per_pass)


@equation(
    source="cset",
    unit="USD/ktoken",
    training_cost="USD",
    square_root_coefficient="USD/ktoken",
    square_root_exponent="1",
    reference_cost="USD",
)
def square_root_token_cost(
    training_cost, square_root_coefficient=2.35e-8, square_root_exponent=0.5, reference_cost=1.0
):
    """Cost of generated tokens grows as the square root of the training cost.

    Symbol: C_I = 2.35e-5 sqrt(C_T), Eq 1 and A5
    Valid: one sequence, an A100 at 11.57 / 8 USD an hour, a compute-optimal model
    ! 2 TB/s gives 2.366e-5; the printed 2.35e-5 needs 2.013e12 byte/s.
    """
    relative_cost = training_cost / reference_cost
    return square_root_coefficient * relative_cost**square_root_exponent


@equation(
    source="cset",
    unit="USD/ktoken",
    square_root_token_cost="USD/ktoken",
    operating_reduction="1",
)
def reduced_token_cost(square_root_token_cost, operating_reduction):
    """Cost of generated tokens of a smaller model with fewer bits.

    Symbol: none ("brings operational costs down by a factor of six")
    Valid: the factor is that of the parameters times that of the bits, at least 1
    """
    return square_root_token_cost / operating_reduction


@equation(
    source="cset",
    unit="1",
    charged_token_price="USD/ktoken",
    square_root_token_cost="USD/ktoken",
)
def cost_recovery(charged_token_price, square_root_token_cost):
    """Part of the cost of generated tokens that their price brings in.

    Symbol: none ("recovering half the cost of running it")
    Valid: as for the cost
    """
    return charged_token_price / square_root_token_cost


@equation(
    source="cset",
    unit="USD/ktoken",
    generating_gpus="1",
    gpu_price="USD/hour",
    generation_time="s",
    generated_tokens="token",
    concurrent_sequences="1",
)
def throughput_token_cost(
    generating_gpus, gpu_price, generation_time, generated_tokens, concurrent_sequences=1.0
):
    """Cost of generated tokens from a measured time.

    Symbol: none (endnote 27: PaLM on 64 TPUv4)
    Valid: all chips work on the same batch
    ! The printed 0.76 USD per 1,000 tokens counts one sequence; a batch divides it by its size.
    """
    tokens = generated_tokens * concurrent_sequences
    return generating_gpus * generation_time * gpu_price / tokens
