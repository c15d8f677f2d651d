"""What the columns of documents are called that say what any ordering can reach; this module loads no torch."""

SCORES = ("probability", "logit")
"""Of the decision, whose AOPC it is."""

LIMIT = "aopc_"
"""What the columns begin with; behind it stand the score and the end."""

LIMIT_ENDS = ("lower_low", "lower_high", "upper_low", "upper_high")
"""Ends of the intervals in which the least AOPC of a document is certain to be, and the largest."""

LIMIT_COLUMNS = tuple(f"{LIMIT}{score}_{end}" for score in SCORES for end in LIMIT_ENDS)
"""All of them."""
