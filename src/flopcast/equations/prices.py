"""Prices of GPUs, and what a budget buys at them."""
# mypy: allow-untyped-defs, allow-untyped-calls

from flopcast.equations.registry import equation


@equation(source="a16z", unit="USD/hour", on_demand_gpu_price="USD/hour", reserved_discount="1")
def reserved_gpu_price(on_demand_gpu_price, reserved_discount):
    """Price of a GPU under a commitment of one to three years.

    Symbol: "Reserved (1y)" of the price tables
    Valid: 0 <= discount < 1; 0.04 to 0.65 in the tables, about two thirds for three years in cset
    ! The printed average of reserved A100 80 GB is 2.27 USD an hour; the five prices average 2.176.
    """
    return on_demand_gpu_price * (1.0 - reserved_discount)


@equation(source="a16z", unit="USD/hour", on_demand_gpu_price="USD/hour", spot_discount="1")
def spot_gpu_price(on_demand_gpu_price, spot_discount):
    """Price of a GPU that the provider may take back at any time.

    Symbol: "Spot/Preempt." of the price tables
    Valid: 0 <= discount < 1; 0.40 to 0.70 in the tables
    """
    return on_demand_gpu_price * (1.0 - spot_discount)


@equation(
    source="a16z",
    unit="USD/hour",
    on_demand_gpu_price="USD/hour",
    reserved_gpu_price="USD/hour",
    spot_gpu_price="USD/hour",
    reserved_share="1",
    spot_share="1",
)
def mixed_gpu_price(
    on_demand_gpu_price, reserved_gpu_price, spot_gpu_price, reserved_share, spot_share
):
    """Average price of a GPU-hour when reserved and spot GPUs do a share each.

    Symbol: none
    Valid: shares of the GPU-hours, at least 0 and together at most 1; the rest is on demand
    """
    on_demand_share = 1.0 - reserved_share - spot_share
    return (
        on_demand_share * on_demand_gpu_price
        + reserved_share * reserved_gpu_price
        + spot_share * spot_gpu_price
    )


@equation(source="a16z", unit="USD/hour", gpu_price="USD/hour", instance_surcharge="1")
def surcharged_gpu_price(gpu_price, instance_surcharge):
    """Price of a GPU with the instance that the provider wants it in.

    Symbol: none (an A2 instance "can increase cost by 25%")
    Valid: 0 to 0.25 for an A100 40 GB at Google
    """
    return gpu_price * (1.0 + instance_surcharge)


@equation(source="cset", unit="USD/hour", node_price="USD/hour", node_gpus="1")
def gpu_price_in_node(node_price, node_gpus):
    """Price of one GPU of a node that is rented whole.

    Symbol: p = 11.57 / 8
    Valid: every GPU of the node is used
    """
    return node_price / node_gpus


@equation(source="a16z", unit="1", higher_price="USD/hour", lower_price="USD/hour")
def price_ratio(higher_price, lower_price):
    """How many times as much one offer costs as another.

    Symbol: none ("a factor of almost 4x among providers")
    Valid: both prices above 0
    """
    return higher_price / lower_price


@equation(source="a16z", unit="1", higher_price="USD/hour", lower_price="USD/hour")
def price_discount(higher_price, lower_price):
    """Discount that turns one price into another.

    Symbol: none
    Valid: both prices above 0
    """
    return 1.0 - lower_price / higher_price


@equation(source="cset", unit="USD", rented_gpus="1", rental_time="month", gpu_price="USD/hour")
def rental_cost(rented_gpus, rental_time, gpu_price):
    """Bill of a number of GPUs that are rented for a time.

    Symbol: none (GPT-3 on 1,024 A100 for a month)
    Valid: paid whether used or not
    """
    return rented_gpus * rental_time * gpu_price


@equation(source="cset", unit="hour", training_budget="USD", gpu_price="USD/hour")
def affordable_gpu_hours(training_budget, gpu_price):
    """GPU-hours that a budget buys.

    Symbol: none (Appendix A)
    Valid: the price does not change with the amount
    """
    return training_budget / gpu_price


@equation(
    source="cset",
    unit="FLOP",
    affordable_gpu_hours="hour",
    peak_flops="FLOP/s",
    training_utilization="1",
)
def affordable_flops(affordable_gpu_hours, peak_flops, training_utilization):
    """FLOPs that a budget buys.

    Symbol: none (Appendix A)
    Valid: the source's 163e12 FLOP/s is what an A100 reaches, its utilization is 1 then
    """
    return affordable_gpu_hours * peak_flops * training_utilization


@equation(source="a16z", unit="USD", capital_raised="USD", compute_share="1")
def compute_budget(capital_raised, compute_share):
    """Part of a company's capital that goes into compute.

    Symbol: none ("more than 80% of their total capital raised")
    Valid: 0 <= share <= 1
    """
    return capital_raised * compute_share


@equation(source="a16z", unit="1", compute_scarcity="1")
def demand_coverage(compute_scarcity):
    """Part of the demand for compute that is met.

    Symbol: none ("demand outstrips it by a factor of 10")
    Valid: scarcity is demand over supply, at least 1
    """
    return 1.0 / compute_scarcity
