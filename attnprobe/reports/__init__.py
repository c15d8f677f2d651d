"""Tables, figures and the answer, made of a run's results."""
