"""How often something is drawn of a document; loads no torch, as settings do not."""

RANDOM_DRAWS = 5
"""Random orderings, unless told otherwise: as many as in Serrano & Smith (2019)."""

MOST_DRAWS = 128
"""Orderings that one of the registered ones may make of a document: the table of erasures counts so far."""
