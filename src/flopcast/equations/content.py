"""Cost of content of any kind, through FLOPs per byte."""
# mypy: allow-untyped-defs, allow-untyped-calls

from flopcast.equations.registry import equation


@equation(
    source="cost-per-byte",
    unit="FLOP/s",
    peak_flops="FLOP/s",
    serving_utilization="1",
    content_gpus="1",
)
def hardware_flops(peak_flops, serving_utilization, content_gpus=1.0):
    """FLOPs per second of all the GPUs that generate the content.

    Symbol: P_hardware, Eq 24
    Valid: the work splits evenly; the source takes the peak to be reached (a utilization of 1)
    """
    return content_gpus * peak_flops * serving_utilization


@equation(source="cost-per-byte", unit="USD/hour", gpu_price="USD/hour", content_gpus="1")
def hardware_price(gpu_price, content_gpus=1.0):
    """Price per time of all the GPUs that generate the content.

    Symbol: I, Eq 27
    Valid: GPUs rented by time
    """
    return content_gpus * gpu_price


@equation(source="cost-per-byte", unit="FLOP/byte", content_flops="FLOP", content_bytes="byte")
def flops_per_byte(content_flops, content_bytes):
    """FLOPs for one byte of content.

    Symbol: F_byte, Eq 3
    Valid: bytes of the content as it is generated, before any compression
    """
    return content_flops / content_bytes


@equation(
    source="cost-per-byte", unit="s/byte", flops_per_byte="FLOP/byte", hardware_flops="FLOP/s"
)
def time_per_byte(flops_per_byte, hardware_flops):
    """Time for one byte of content.

    Symbol: T_byte, Eq 2
    Valid: computing, not memory, is the bottleneck
    """
    return flops_per_byte / hardware_flops


@equation(source="cost-per-byte", unit="s", time_per_byte="s/byte", content_bytes="byte")
def content_time(time_per_byte, content_bytes):
    """Time to generate the content.

    Symbol: t, Eq 10
    Valid: as for the time per byte
    """
    return time_per_byte * content_bytes


@equation(
    source="cost-per-byte",
    unit="USD",
    time_per_byte="s/byte",
    hardware_price="USD/hour",
    content_bytes="byte",
)
def content_cost(time_per_byte, hardware_price, content_bytes):
    """Cost of content by its bytes.

    Symbol: C, Eq 1
    Valid: any modality; the hardware is paid for the time of generation only
    """
    return time_per_byte * hardware_price * content_bytes


@equation(
    source="cost-per-byte",
    unit="USD",
    content_flops="FLOP",
    hardware_flops="FLOP/s",
    hardware_price="USD/hour",
)
def content_cost_by_flops(content_flops, hardware_flops, hardware_price):
    """Cost of content by its FLOPs; the bytes cancel.

    Symbol: C, Eq 4
    Valid: any modality; the hardware is paid for the time of generation only
    """
    return content_flops / hardware_flops * hardware_price
