"""Become another program that ends with the process that started this one.

In: the number of that process, and words. Out: nothing; this process is that program from then on.
It is run as a script by `engine/command`, on Linux, so that nothing of Python happens between fork and exec there.
Source: prctl(2), PR_SET_PDEATHSIG, which is kept across execve(2).
"""

import ctypes
import os
import signal
import sys

PR_SET_PDEATHSIG = 1
NOT_RUN = 127  # the exit status of a shell where a program cannot be run


def follow(parent: int, words: list[str]) -> None:
    """Run *words* in place of this process.

    SIGTERM comes when *parent* ends, however it does.
    """
    ctypes.CDLL(None, use_errno=True).prctl(PR_SET_PDEATHSIG, signal.SIGTERM)
    if os.getppid() != parent:  # it ended before that was set
        return
    try:
        os.execvp(words[0], words)  # noqa: S606 - the user's own program, and no shell
    except OSError as error:
        print(f"ekiben: {words[0]} cannot be run: {error.strerror}", file=sys.stderr)  # noqa: T201 - it has no log
        raise SystemExit(NOT_RUN) from error


if __name__ == "__main__":
    follow(int(sys.argv[1]), sys.argv[2:])
