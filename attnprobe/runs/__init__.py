"""A run on disk: its folder, its configuration, its tables, and finding it; nothing here computes a result."""
