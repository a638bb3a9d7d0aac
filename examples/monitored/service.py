"""A service that keeps what it was asked and what it answered."""

import ekiben


@ekiben.service(monitoring={"options": {"log_path": "monitoring", "max_bytes": 10_000_000, "backups": 5}})
class Sizes:
    """Says whether a number is large."""

    @ekiben.api
    def size(self, x: float) -> str:
        """Judge one number."""
        answer = "large" if x > 10 else "small"
        with ekiben.monitor("sizes") as mon:
            mon.log(x, name="x", role="feature", data_type="numerical")
            mon.log(answer, name="size", role="prediction", data_type="categorical")
        return answer

    @ekiben.api(batchable=True)
    def sizes(self, x: list[float]) -> list[str]:
        """Judge many numbers: one record each."""
        answers = ["large" if each > 10 else "small" for each in x]
        with ekiben.monitor("sizes") as mon:
            mon.log_batch(x, name="x", role="feature", data_type="numerical")
            mon.log_batch(answers, name="size", role="prediction", data_type="categorical")
        return answers
