"""What makes a run: training, testing, identifying, reporting, and grids of runs."""
