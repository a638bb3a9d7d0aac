"""Read amounts of CPU and memory, as Kubernetes and BentoML users write them.

In: a number or text such as `"500m"` or `"2Gi"`. Out: CPUs as a float, bytes as an int.
Source: Kubernetes, "Quantity".
"""

import re
from typing import Any

from ekiben.core.errors import ConfigError

UNITS = {"": 1, "k": 1000, "M": 1000**2, "G": 1000**3, "T": 1000**4}
UNITS |= {"Ki": 1024, "Mi": 1024**2, "Gi": 1024**3, "Ti": 1024**4}
NUMBER = r"\d+(?:\.\d+)?"


def cpus(value: Any, path: str) -> float:
    """Give a number of CPUs: 2, 0.5, "0.5" or "500m", which is thousandths.

    Args:
        value: what the user wrote.
        path: its name in an error.

    Raises:
        ConfigError: it is none of these, or not above 0.
    """
    found = re.fullmatch(rf"({NUMBER})(m?)", str(value)) if not isinstance(value, bool) else None
    amount = 0.0 if found is None else float(found[1]) / (1000 if found[2] else 1)
    if amount <= 0.0:
        raise ConfigError(f"`{path}` must be a number of CPUs above 0: {value!r}", hint='write 2, 0.5 or "500m"')
    return amount


def memory(value: Any, path: str) -> int:
    """Give bytes: of 1000000, "500M" (powers of 1000) or "2Gi" (powers of 1024).

    Args:
        value: what the user wrote.
        path: its name in an error.

    Raises:
        ConfigError: it is none of these, or not above 0.
    """
    found = re.fullmatch(rf"({NUMBER})\s*([kKMGT]?i?)B?", str(value)) if not isinstance(value, bool) else None
    amount = 0 if found is None or found[2] not in UNITS else int(float(found[1]) * UNITS[found[2]])
    if amount <= 0:
        raise ConfigError(f"`{path}` must be an amount of memory above 0: {value!r}", hint='write "500Mi" or "2Gi"')
    return amount
