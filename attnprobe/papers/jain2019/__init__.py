"""Jain & Wallace, "Attention is not Explanation" (NAACL 2019): its correlations, its claims on them, and its code."""
