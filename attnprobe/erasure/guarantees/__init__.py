"""Which items, if kept, guarantee the decision whatever subset of the others is erased; exact for an affine readout.

* ``requirements``: what a kept set has to reach, as rows of non-negative numbers that add up;
* ``smallest_sets``: the smallest sets that reach it, and items that every such set has;
* ``sufficient_sets``: the public functions;
* ``covering_programs``: the same where no sort answers, through HiGHS, every answer checked in float64.
"""
