"""Which items, if kept, guarantee the decision whatever subset of the others is erased; exact for an affine readout.

* ``requirements``: what a kept set has to reach, as rows of non-negative numbers that add up;
* ``sufficient_sets``: how far along an ordering it is reached, the smallest set that does, items that every such set
  has, and those that any smallest-by-inclusion one has;
* ``covering_programs``: the same where no sort answers, through HiGHS, every answer checked in float64.
"""
