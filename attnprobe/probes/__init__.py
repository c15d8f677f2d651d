"""Probes join a model to the erasure engine: they yield what is pooled, its attention scores, and the readout."""
