"""Hold the words of a command to what can be run without a shell.

In: `cmd` of a service, or what its `__command__` gave. Out: a program and its arguments, or a ConfigError.
"""

from collections.abc import Sequence
from typing import Any

from ekiben.core.errors import ConfigError

COMMAND = "__command__"
HINT = 'write `cmd=["python", "server.py", "--port", "8000"]`'


def read_words(cmd: Any, path: str = "cmd") -> tuple[str, ...]:
    """Check `cmd=["python", "server.py"]`; None gives no words.

    Raises:
        ConfigError: it is not a list of words, the first of them a program.
    """
    if cmd is None:
        return ()
    if isinstance(cmd, str) or not isinstance(cmd, Sequence):
        raise ConfigError(f"`{path}` must be a list of words, as no shell reads it: {cmd!r}", hint=HINT)
    for word in cmd:
        if not isinstance(word, str) or "\0" in word:
            raise ConfigError(f"`{path}` must be a list of words: {word!r} in it", hint=HINT)
    if not cmd or not cmd[0].strip():
        raise ConfigError(f"`{path}` must name a program: {list(cmd)!r}", hint=HINT)
    return tuple(cmd)
