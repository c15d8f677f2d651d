"""``python -m attnprobe``."""

from attnprobe.cli import command

if __name__ == "__main__":
    command()
