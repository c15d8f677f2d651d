"""Runs from Python, without a command line: made, opened, looked at."""
