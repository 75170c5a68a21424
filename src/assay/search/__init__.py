"""Search over a run's items."""
