"""A knock-out shown: words, tables, lines over layers, a matrix."""
