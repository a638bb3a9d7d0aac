"""What happens around the calls: deployment, start, health, context, shutdown."""

import ekiben


@ekiben.service(envs=[{"name": "GREETING", "value": "Hello"}])
class Visits:
    """Counts its visitors."""

    @ekiben.on_deployment
    @staticmethod
    def prepare() -> None:
        """Run once, before there is any instance."""
        print("prepared")

    def __init__(self) -> None:
        self.is_open = False

    @ekiben.on_startup
    def open(self) -> None:
        """Run after `__init__`, before the service is ready."""
        self.is_open = True

    @ekiben.on_shutdown
    async def close(self) -> None:
        """Run after the last answer."""
        self.is_open = False

    def __is_ready__(self) -> bool:
        return self.is_open

    @ekiben.api
    def visit(self, name: str, ctx: ekiben.Context) -> str:
        """Count a visit, and leave a cookie."""
        ctx.state["visits"] = ctx.state.get("visits", 0) + 1
        ctx.response.headers["x-visits"] = str(ctx.state["visits"])
        ctx.response.set_cookie("name", name, httponly=True)
        ctx.response.status_code = 201
        return f"visit {ctx.state['visits']}"
