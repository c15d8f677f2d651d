"""A finished run, verified: what made it, whether all of it is there, and whether a slow reference finds the same."""
