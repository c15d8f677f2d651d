"""When attention weights are unique given the output, and how far they can move where they are not.

After Bhardwaj et al. (2021), *More Identifiable yet Equally Performant Transformers for Text Classification*, and
Brunner et al. (2020), *On Identifiability in Transformers*. All weights of a row with the same output form a polytope:

* ``nullity``, ``joint_nullity``: whether it is more than a point, for a head and for a layer;
* ``effective_attention``, ``maxent_attention``: two representatives that depend on the output alone;
* ``same_head_output`` … ``same_decision``: what "the same output" can mean, each a set of ``Alternatives``;
* ``weight_range``, ``mass_range``, ``top_items``, ``order_flips``, ``lowest_kendall_tau``, ``farthest_alternative``,
  ``sample_alternatives``: how far weights and rankings reach;
* ``dk_star``, ``local_dimension``, ``logit_rank``, ``distance_from_keys``, ``tangent_dimension``,
  ``fixed_key_dimension``, ``realisable_alternatives``: what the keys can realise of it;
* ``item_flips``, ``first_flip_range``: what it does to erasure tests.

What functions take and return is said in ``attnprobe.erasure.arrays``. Everything is computed in float64, sets of
alternatives and what is found in them stay in it, and the column of ones, which keeps sums at one, is added inside.
``as_released`` has the behaviour of the code published with the paper.
"""

from __future__ import annotations

from attnprobe.base.errors import SolverError
from attnprobe.identifiability.alternatives import Alternatives, Extreme, Extremes
from attnprobe.identifiability.dimension_counts import (
    dk_star,
    joint_local_dimension,
    local_dimension,
    realisable_dimension,
)
from attnprobe.identifiability.effective_attention import effective_attention
from attnprobe.identifiability.erasure_outcomes import ErasureOutcomes, ItemFlips, item_flips
from attnprobe.identifiability.farthest import Farthest, farthest_alternative
from attnprobe.identifiability.first_flip_ranges import (
    FirstFlipCertificates,
    FirstFlipRange,
    first_flip_range,
    first_flips_of,
)
from attnprobe.identifiability.logit_ranks import distance_from_keys, logit_rank
from attnprobe.identifiability.mass_on_sets import MassRange, mass_range
from attnprobe.identifiability.maximum_entropy import maxent_attention
from attnprobe.identifiability.null_space import Nullity, joint_nullity, nullity, published_rank
from attnprobe.identifiability.ranking_changes import (
    KendallRange,
    TopItems,
    lowest_kendall_tau,
    order_flips,
    top_items,
)
from attnprobe.identifiability.realisable_alternatives import Realised, realisable_alternatives
from attnprobe.identifiability.same_output import (
    same_decision,
    same_head_output,
    same_layer_output,
    same_logits,
    same_normed_output,
    same_probabilities,
)
from attnprobe.identifiability.sampling import sample_alternatives
from attnprobe.identifiability.tangent_ranks import TangentDimension, fixed_key_dimension, tangent_dimension
from attnprobe.identifiability.value_space import NumericalRank
from attnprobe.identifiability.weight_ranges import WeightRange, range_of, weight_range

__all__ = [
    "Alternatives",
    "ErasureOutcomes",
    "Extreme",
    "Extremes",
    "Farthest",
    "FirstFlipCertificates",
    "FirstFlipRange",
    "ItemFlips",
    "KendallRange",
    "MassRange",
    "Nullity",
    "NumericalRank",
    "Realised",
    "SolverError",
    "TangentDimension",
    "TopItems",
    "WeightRange",
    "distance_from_keys",
    "dk_star",
    "effective_attention",
    "farthest_alternative",
    "first_flip_range",
    "first_flips_of",
    "fixed_key_dimension",
    "item_flips",
    "joint_local_dimension",
    "joint_nullity",
    "local_dimension",
    "logit_rank",
    "lowest_kendall_tau",
    "mass_range",
    "maxent_attention",
    "nullity",
    "order_flips",
    "published_rank",
    "range_of",
    "realisable_alternatives",
    "realisable_dimension",
    "same_decision",
    "same_head_output",
    "same_layer_output",
    "same_logits",
    "same_normed_output",
    "same_probabilities",
    "sample_alternatives",
    "tangent_dimension",
    "top_items",
    "weight_range",
]
