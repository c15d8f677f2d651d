"""The tables and figures of Bhardwaj et al. (2021), drawn from measurements of trained encoders."""
