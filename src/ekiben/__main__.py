"""Run the command line, as `ekiben` and as `python -m ekiben`."""

import sys

INTERRUPTED = 130  # 128 and the number of SIGINT, as shells count


def main() -> None:
    """Run `ekiben`; Ctrl-C while its modules are imported ends it without a word."""
    try:
        from ekiben.cli import main as cli

        cli.main()
    except KeyboardInterrupt:
        sys.exit(INTERRUPTED)


if __name__ == "__main__":
    main()
