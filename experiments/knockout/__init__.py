"""Language models whose routes are known, by weights and by training, and whether a knock-out finds these alone."""
