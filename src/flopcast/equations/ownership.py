"""Owning GPUs instead of renting them: power, energy and the price of an hour."""
# mypy: allow-untyped-defs, allow-untyped-calls

from flopcast.equations.registry import equation


@equation(source="a16z", unit="W", owned_gpus="1", gpu_power="W")
def fleet_power(owned_gpus, gpu_power):
    """Power that a number of GPUs draw.

    Symbol: none (700 W for two RTX 3080 Ti, 300 W for an A100)
    Valid: the GPUs only, under full load
    """
    return owned_gpus * gpu_power


@equation(source="a16z", unit="kWh", electric_power="W", running_time="year")
def energy_used(electric_power, running_time):
    """Energy of a constant electric power.

    Symbol: none (the "power difference" of two RTX 3080 Ti and an A100)
    Valid: running all the time
    ! "3,500 kWh … over a three-year life cycle" is what the 400 W take in one year; in three they
        take 10,519 kWh, which cost the printed 1,000 USD at 0.10 USD/kWh.
    """
    return electric_power * running_time


@equation(source="a16z", unit="USD", energy_used="kWh", electricity_price="USD/kWh")
def energy_cost(energy_used, electricity_price):
    """Cost of electric energy.

    Symbol: none ("market rates of $0.10/kWh")
    Valid: one price for every kilowatt-hour
    """
    return energy_used * electricity_price


@equation(
    source="drop-in",
    unit="USD/hour",
    gpu_purchase_price="USD",
    gpu_lifetime="year",
    gpu_power="W",
    power_usage_effectiveness="1",
    electricity_price="USD/kWh",
    hosting_price="USD/hour",
)
def owned_gpu_price(
    gpu_purchase_price,
    gpu_lifetime,
    gpu_power,
    power_usage_effectiveness,
    electricity_price,
    hosting_price,
):
    """Price of an hour of an own GPU: hardware, electricity, cooling and network.

    Symbol: none ("hardware … electricity … cooling … networking")
    Valid: on all its life, with nothing left at the end; the power usage effectiveness, at least
        1, pays the cooling, and the hosting the network, space and people
    """
    electricity = gpu_power * power_usage_effectiveness * electricity_price
    return gpu_purchase_price / gpu_lifetime + electricity + hosting_price


@equation(
    source="a16z",
    unit="USD/year",
    own_fixed_cost="USD/year",
    owned_gpu_price="USD/hour",
    gpu_price="USD/hour",
)
def own_break_even_spend(own_fixed_cost, owned_gpu_price, gpu_price):
    """Bill for rented GPUs above which an own data centre pays.

    Symbol: none ("infrastructure spend of more than $50 million per year")
    Valid: an own GPU costs less than a rented one; the fixed cost is what building and running a
        data centre takes whatever its size
    """
    return own_fixed_cost / (1.0 - owned_gpu_price / gpu_price)
