"""A service whose requests are spans of an OpenTelemetry provider; here they are written to the log."""

import sys

from opentelemetry import trace
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, ConsoleSpanExporter

import ekiben

provider = TracerProvider()
provider.add_span_processor(BatchSpanProcessor(ConsoleSpanExporter(out=sys.stderr)))
trace.set_tracer_provider(provider)


@ekiben.service(tracing={"sample_rate": 0.1})
class Greeter:
    """Greets whoever calls, and traces one call in ten."""

    @ekiben.api
    def greet(self, name: str) -> str:
        """Say hello."""
        with trace.get_tracer(__name__).start_as_current_span("words"):
            return f"Hello, {name}!"

    @ekiben.on_shutdown
    def flush(self) -> None:
        """Send what is left."""
        provider.shutdown()
