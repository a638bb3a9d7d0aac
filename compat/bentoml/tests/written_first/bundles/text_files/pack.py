# Shows: a text file as an artifact, and files to ask with.
# 2026-11-21, written before the translator was read.
from pathlib import Path

from text_service import TextTools

Path("poem.txt").write_text("the rose is red and the sky is blue\n")
Path("colours.txt").write_text("red blue green\n")

service = TextTools()
service.pack("stopwords", "the a an is and")
service.save()
