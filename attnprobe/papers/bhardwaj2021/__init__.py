"""Bhardwaj et al., "More Identifiable yet Equally Performant Transformers for Text Classification" (ACL 2021)."""
