"""Projects to build: a small service, and how a project is written."""

from collections.abc import Callable
from pathlib import Path

Write = Callable[..., Path]

SERVICE = """
import ekiben
from helper import double

@ekiben.service(labels={"team": "own"})
class Doubler:
    '''Doubles numbers.'''

    @ekiben.api
    def call(self, x: int) -> int:
        '''Double it.'''
        return double(x)
"""
HELPER = "def double(x):\n    return 2 * x\n"
