"""What is correlated over the words of a document, and what the columns are called; this module loads no torch."""

from __future__ import annotations

ATTENTION_GRADIENT = "tau_attention_gradient"
ATTENTION_LEAVE_ONE_OUT = "tau_attention_leave_one_out"
GRADIENT_LEAVE_ONE_OUT = "tau_gradient_leave_one_out"

CORRELATIONS = {
    ATTENTION_GRADIENT: "attention and gradient",
    ATTENTION_LEAVE_ONE_OUT: "attention and leave-one-out",
    GRADIENT_LEAVE_ONE_OUT: "gradient and leave-one-out",
}
"""Kendall's tau of a document, by column: of which two, in words."""
