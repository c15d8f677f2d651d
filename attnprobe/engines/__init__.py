"""What erases attention in a model and asks it again: from one row alone, by replay from a layer, or by whole runs."""
