"""The mathematics of erasure as functions of arrays: orderings, closed forms, divergences, and the battery of tests."""
