"""A few requests in place of all, and how far they can be trusted."""
