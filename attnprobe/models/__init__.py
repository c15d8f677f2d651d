"""Kinds of models, a folder each: what they compute, and what trains, keeps, loads and erases in them."""
