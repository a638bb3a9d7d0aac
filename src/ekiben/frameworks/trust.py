"""Say which types a stored file may bring to life, beyond those that are safe by themselves.

In: the setting EKIBEN_TRUSTED_TYPES, full names with commas between. Out: those names.
A file that needs no unpickling can still name any class; only a named one is made.
"""

import os
from collections.abc import Mapping

TRUSTED_VARIABLE = "EKIBEN_TRUSTED_TYPES"


def trusted_types(env: Mapping[str, str] = os.environ) -> frozenset[str]:
    """List the types that whoever runs this process trusts, such as `my_package.steps.Scaler`."""
    return frozenset(name.strip() for name in env.get(TRUSTED_VARIABLE, "").split(",") if name.strip())


def is_trusted(name: str, env: Mapping[str, str] = os.environ) -> bool:
    """Say whether the type of this full name is trusted."""
    return name in trusted_types(env)
