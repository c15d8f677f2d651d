"""What each item's share of the logits is when all subsets of the others count: Shapley and Banzhaf values, exactly.

* ``subset_games``: the expectation of the logits when items stay with given probabilities, as one integral;
* ``shapley``: the public functions.
"""
