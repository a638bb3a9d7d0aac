"""Share out this machine: what `placement` decides, for what the system says.

In: how many workers. Out: a share each.
"""

import os
from pathlib import Path

from ekiben.core.resources import cpu_quota, usable_cpus
from ekiben.engine.placement import Machine, Share, pool_from, share_out


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
    return share_out(machine, workers, gpus, os.environ, taken)
