# Shows: nothing but files to ask with. 2026-11-21, written before the translator was read.
from pathlib import Path

from PIL import Image

Image.new("RGB", (32, 16), (200, 100, 50)).save("wide.png")
Image.new("RGB", (4, 4)).save("small.jpg")
Path("note.txt").write_text("a note")
