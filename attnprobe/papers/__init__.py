"""What belongs to one paper alone: its claims, figures, tables and models."""
