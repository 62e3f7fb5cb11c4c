"""``python -m aiotravis``: the command line."""

from aiotravis.cli import run

if __name__ == "__main__":
    run()
