"""Trained on pictures and sounds in which one place is planted that decides: what erasing finds of it."""
