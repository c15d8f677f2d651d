"""A model behind a page: a small server, on this machine alone, that erases while somebody looks."""
