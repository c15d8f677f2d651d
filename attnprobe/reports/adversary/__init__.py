"""How far a run's attention can be moved with nearly the same predictions: words, a table, a figure, files."""
