"""From a run's tables to the papers' statistics, with intervals, and to the answer. Knows tables, not models."""
