# Shows: a module beside the service. 2026-11-21, written before the translator was read.
from pathlib import Path


def greet(greeting, name):
    dot = Path(__file__).with_name("dot.txt").read_text().strip()
    return f"{greeting} {name}{dot}"
