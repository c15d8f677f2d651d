"""Explanations that somebody brings: scores of items, from wherever, made orderings of a model's own items."""
