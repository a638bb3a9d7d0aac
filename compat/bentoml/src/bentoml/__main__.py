"""`python -m bentoml` is the command `bentoml`."""

from bentoml.command import main

if __name__ == "__main__":
    main()
