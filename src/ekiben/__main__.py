"""Run the command line as `python -m ekiben`."""

from ekiben.cli.main import main

if __name__ == "__main__":
    main()
