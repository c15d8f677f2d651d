"""Statistics of the experiments of Bhardwaj et al. (2021) over trained encoders."""
