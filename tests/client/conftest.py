"""Clients of the lunchbox, without a socket."""

from collections.abc import Iterator

import pytest

from ekiben.client.sync import SyncHTTPClient
from ekiben.tools.testing import client
from tests.client.lunchbox import Lunchbox


@pytest.fixture(scope="module")
def lunch() -> Iterator[SyncHTTPClient]:
    """A client of the lunchbox."""
    with client(Lunchbox) as found:
        yield found
