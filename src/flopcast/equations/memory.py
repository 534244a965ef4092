"""Memory of a model, and the GPUs that hold it."""
# mypy: allow-untyped-defs, allow-untyped-calls

import numpy as np

from flopcast.equations.registry import equation


@equation(source="a16z", unit="GB", parameters="1", weight_bytes_per_parameter="byte")
def inference_memory(parameters, weight_bytes_per_parameter=2.0):
    """Memory that the weights of a model take; a precision may be given in bits.

    Symbol: none (p parameters; 700 GB for GPT-3 at 32 bits)
    Valid: weights alone, without the key-value cache and activations
    """
    return parameters * weight_bytes_per_parameter


@equation(
    source="a16z",
    unit="GB",
    parameters="1",
    training_weight_bytes_per_parameter="byte",
    gradient_bytes_per_parameter="byte",
    optimizer_bytes_per_parameter="byte",
)
def training_memory(
    parameters,
    training_weight_bytes_per_parameter=4.0,
    gradient_bytes_per_parameter=4.0,
    optimizer_bytes_per_parameter=4.0,
):
    """Memory for training: weights, gradients and optimizer state.

    Symbol: none (an additional 8 bytes per parameter at 32 bits)
    Valid: without activations; the optimizer's 4 bytes are one value per parameter, Adam keeps two
    ! A GPU of 12 GB is said to hardly train a 4-billion-parameter model; by the source's own 4 + 8
        bytes that takes 48 GB.
    """
    return parameters * (
        training_weight_bytes_per_parameter
        + gradient_bytes_per_parameter
        + optimizer_bytes_per_parameter
    )


@equation(
    source="a16z",
    unit="1",
    gpu_memory="GB",
    training_weight_bytes_per_parameter="byte",
    gradient_bytes_per_parameter="byte",
    optimizer_bytes_per_parameter="byte",
)
def trainable_parameters(
    gpu_memory,
    training_weight_bytes_per_parameter=4.0,
    gradient_bytes_per_parameter=4.0,
    optimizer_bytes_per_parameter=4.0,
):
    """Parameters that can be trained in the memory of one GPU.

    Symbol: none ("a typical high-end consumer GPU with 12GB of memory")
    Valid: without activations
    ! 12 GB hold the training of 1e9 parameters at 32 bits, not of the 4e9 in the text.
    """
    bytes_per_parameter = training_memory(
        1.0,
        training_weight_bytes_per_parameter,
        gradient_bytes_per_parameter,
        optimizer_bytes_per_parameter,
    )
    return gpu_memory / bytes_per_parameter


@equation(source="a16z", unit="1", inference_memory="GB", gpu_memory="GB")
def inference_memory_gpus(inference_memory, gpu_memory):
    """Whole GPUs that hold the weights of a model.

    Symbol: none (models that are split across cards)
    Valid: a model splits evenly
    """
    return np.ceil(inference_memory / gpu_memory)


@equation(source="a16z", unit="1", training_memory="GB", gpu_memory="GB")
def training_memory_gpus(training_memory, gpu_memory):
    """Whole GPUs that hold a model in training.

    Symbol: none (models that are split across cards)
    Valid: weights, gradients and optimizer state split evenly
    """
    return np.ceil(training_memory / gpu_memory)
