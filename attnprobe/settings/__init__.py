"""Everything that a user can set, as data that checks itself; nothing here loads torch."""
