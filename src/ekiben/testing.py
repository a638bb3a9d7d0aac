"""Test a service without a socket: `client`, and `async_client`.

    def test_predict():
        with ekiben.testing.client(Iris) as iris:
            assert iris.predict([[5.1, 3.5, 1.4, 0.2]]) == [0]

See `docs/clients.md`.
"""

from ekiben.tools.testing import async_client, client

__all__ = ["async_client", "client"]
