"""The embedded dataset: docstrings of the standard library and of attnprobe's own dependencies."""
