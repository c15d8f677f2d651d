"""Texts into words and sentences, in parallel, once."""
