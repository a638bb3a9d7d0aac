"""Serve from a script or a notebook, and ask."""

from service import Lunch

import ekiben

with ekiben.serve(Lunch) as server:
    print(server.url)
    with server.client() as lunch:
        print(lunch.scale([1, 2]))
