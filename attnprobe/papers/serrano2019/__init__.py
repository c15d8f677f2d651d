"""Serrano & Smith, "Is Attention Interpretable?" (ACL 2019): claims, figures and tables."""
