"""A service that asks who calls: each token is in a variable, and one of them may do less.

export READER_TOKEN=$(python -c "import secrets; print(secrets.token_urlsafe(32))")
export OWNER_TOKEN=$(python -c "import secrets; print(secrets.token_urlsafe(32))")
ekiben serve examples/services/guarded.py:Guarded
curl localhost:3000/look -H "authorization: Bearer $READER_TOKEN" -H 'content-type: application/json' -d '{}'
"""

import ekiben


@ekiben.service(
    name="guarded",
    auth={
        "tokens": [
            "$OWNER_TOKEN",
            {"name": "readers", "env": "READER_TOKEN", "endpoints": ["look"]},
        ],
        "metrics": True,
    },
)
class Guarded:
    """Keeps a number."""

    def __init__(self) -> None:
        """Start at nothing."""
        self.number = 0

    @ekiben.api
    def look(self) -> int:
        """Say what is kept."""
        return self.number

    @ekiben.api
    def keep(self, number: int) -> int:
        """Keep another number."""
        self.number = number
        return number
