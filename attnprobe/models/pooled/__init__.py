"""HAN and FLAN: models whose attention pools items, with one linear layer behind it."""
