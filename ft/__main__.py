"""`python -m ft ...`: the same as `sidetune ...`."""

from ft.cli import run

if __name__ == "__main__":
    run()
