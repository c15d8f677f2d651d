"""How different attention could be while the prediction hardly moves: at most, and not as far as a search got.

* ``distances``: of two rows of attention, as sums over items of convex functions;
* ``feasible_rows``: the rows of attention with nearly the same prediction, a polytope;
* ``pairs``: with one rival its vertices have two items at most, and all are looked at;
* ``one_document``, ``triangles``: with two rivals they have three at most, and all are looked at;
* ``branch_and_bound``: with several rivals, or limits on what an item may gain: what is attained, and a certain bound;
* ``adversarial_attention``: the public function.
"""
