# Shows: what the client takes for a file, and what it gives back. 2026-11-21, written before the translator was read.
import sys
from pathlib import Path

import bentoml
from PIL import Image

with bentoml.SyncHTTPClient(sys.argv[1]) as client:
    small = client.thumbnail(image=Path("wide.png"), width=16)
    print(small.size)
    print(client.thumbnail(image=Image.open("wide.png")).size)
    grey = client.grey(image=Path("wide.png"))
    print(isinstance(grey, Path), Image.open(grey).mode)
    print(client.sizes(files=[Path("note.txt"), Path("note.txt")]))
    with open("note.txt", "rb") as note:
        print(client.optional(words="a letter", attachment=note))
