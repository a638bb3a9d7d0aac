"""Say once, in the log, what of BentoML's changes nothing here.

In: a sentence. Out: a line of the log; the same one is not said twice by one process.
"""

import logging

log = logging.getLogger("ekiben")
_said: set[str] = set()


def say(sentence: str) -> None:
    """Log a sentence, unless it was logged before."""
    if sentence not in _said:
        _said.add(sentence)
        log.warning("%s", sentence)
