"""Ratios against what a user would run instead; each module prints one JSON line a figure."""
