"""Ask a running service: `ekiben serve service:Lunch`, then `python ask.py`."""

import sys
from pathlib import Path
from typing import cast

import numpy as np
from PIL import Image
from service import Lunch

from ekiben import SyncHTTPClient
from ekiben.exceptions import InvalidInput

url = sys.argv[1] if len(sys.argv) > 1 else "http://localhost:3000"

with SyncHTTPClient(url, server_ready_timeout=30) as lunch:
    # Arrays travel in binary, and come back as arrays.
    print(lunch.scale(np.array([1.0, 2.0]), factor=3))

    # A file is a path, bytes, an open file; an image may also be a PIL image.
    print(lunch.count_words(Path(__file__)))
    print(lunch.thumbnail(Image.new("RGB", (640, 480))).size)

    # What the service refuses is an error with the place of each wrong value.
    try:
        lunch.scale(["one"])
    except InvalidInput as error:
        print([problem.path for problem in error.problems])

    # For a type checker, and for the completion of an editor, a client is what it mirrors.
    typed = cast(Lunch, lunch)
    print(typed.scale(np.ones(2)).sum())
