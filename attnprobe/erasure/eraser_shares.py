"""Shares of the items of which ERASER takes means (DeYoung et al. 2020); this module loads no torch."""

ERASER_PERCENT = (1, 5, 10, 20, 50)
"""Of each document as many items are taken as that, rounded up."""
