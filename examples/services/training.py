"""Train a model for as long as it takes, while the caller goes on."""

import numpy as np

import ekiben


@ekiben.service(tasks={"workers": 1, "retention_hours": 48})
class Trainer:
    """Fits a line."""

    @ekiben.task(timeout=3600, max_attempts=2)
    def fit(self, x: list[float], y: list[float], rounds: int, ctx: ekiben.Context) -> dict[str, float]:
        """Fit y = a·x + b by gradient descent."""
        inputs, targets = np.array(x), np.array(y)
        slope = offset = 0.0
        for number in range(rounds):
            error = slope * inputs + offset - targets
            slope -= 0.1 * float(np.mean(error * inputs))
            offset -= 0.1 * float(np.mean(error))
            ctx.progress((number + 1) / rounds, f"round {number + 1}")
        return {"slope": slope, "offset": offset}
