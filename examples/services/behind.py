"""A server of another program behind a service of ours."""

import ekiben


@ekiben.service(cmd=["python", "counter_server.py", "--port", "8765"], http={"proxy_port": 8765})
class Counted:
    """Doubles numbers itself; whatever else is asked goes to the counter."""

    @ekiben.api
    def double(self, x: int) -> int:
        """Answered here."""
        return 2 * x
