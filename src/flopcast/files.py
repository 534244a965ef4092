"""Files of a bounded size, so that a device or a wrong file cannot fill the memory."""

import errno
from pathlib import Path


def read_at_most(path: Path, limit: int) -> bytes:
    """Return the bytes of a file.

    Raises
    ------
    OSError
        If it cannot be read or has more than `limit` bytes; ``strerror`` says why.
    """
    try:
        with path.open("rb") as file:
            content = file.read(limit + 1)
    except OSError as error:
        raise OSError(error.errno, (error.strerror or str(error)).lower()) from None
    except ValueError:
        raise OSError(errno.EINVAL, "not the name of a file") from None
    if len(content) > limit:
        raise OSError(errno.EFBIG, f"larger than {limit >> 20} MiB")
    return content
