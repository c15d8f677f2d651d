"""Errors that the person at the terminal can mend; the command line prints them and exits with status 2."""

from __future__ import annotations


class InputError(Exception):
    """Something the user gave cannot be used; the message is one sentence that names file, row and column."""
