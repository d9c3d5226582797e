"""The programs of this machine that the runtime calls."""

import shutil
from functools import cache


@cache
def find_program(name: str) -> str:
    """Raises FileNotFoundError with what to install."""
    if path := shutil.which(name):
        return path
    raise FileNotFoundError(f"{name} is not on PATH; install it (Debian: apt install {name})")
