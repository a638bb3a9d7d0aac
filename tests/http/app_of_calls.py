"""The service as an app that any ASGI server imports."""

import ekiben
from tests.http.calls import Calls

app = ekiben.to_asgi(Calls)
