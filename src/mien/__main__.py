"""`python -m mien` does what `mien` does."""

from mien.apps.cli.main import main

if __name__ == "__main__":
    main()
