"""Share out this machine: what `placement` decides, for what the system says.

In: how many workers. Out: a share each.
"""

import os
from collections.abc import MutableMapping
from pathlib import Path

from ekiben.core.resources import cpu_quota, usable_cpus
from ekiben.engine.placement import Machine, Share, pool_from, share_out

HEEDED = "EKIBEN_HEEDED"  # the names of what `heed_quota` has set, for those who share out the machine later


def shares(workers: int, gpus: float | None, taken: int = 0) -> list[Share]:
    """Give each worker its share of this machine.

    Args:
        workers: of one service.
        gpus: how many of them the service asks for.
        taken: GPUs that others were dealt before.

    Raises:
        ConfigError: more GPUs are asked for than there are.
    """
    found = sum(1 for each in Path("/dev").glob("nvidia[0-9]*"))
    machine = Machine(usable_cpus(), cpu_quota(), pool_from(os.environ, found))
    heeded = os.environ.get(HEEDED, "").split(",")
    environ = {name: value for name, value in os.environ.items() if name not in heeded}
    return share_out(machine, workers, gpus, environ, taken)


def heed_quota(environ: MutableMapping[str, str], root: Path = Path("/")) -> None:
    """Let number libraries start no more threads than a control group gives CPUs.

    They look at the machine, not at the group. Call it before any of them is loaded; what the user has set stays.

    Args:
        environ: of this process.
        root: of the file system.
    """
    machine = Machine(usable_cpus(), cpu_quota(root))
    env = share_out(machine, 1, None, environ)[0].env
    if env:
        environ.update({**env, HEEDED: ",".join(env)})
