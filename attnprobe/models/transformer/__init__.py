"""The transformer encoder of Bhardwaj et al. (2021), with keys of any width."""
