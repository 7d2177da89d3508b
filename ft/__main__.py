"""`python -m ft ...`: the same as `sidetune ...`."""

from ft.cli import main

if __name__ == "__main__":
    raise SystemExit(main())
