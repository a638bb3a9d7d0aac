"""Ask a served model: `python request.py http://localhost:3000`."""

import sys

import ekiben

with ekiben.SyncHTTPClient(sys.argv[1]) as client:
    print(client.predict([[5.1, 3.5, 1.4, 0.2]]))
