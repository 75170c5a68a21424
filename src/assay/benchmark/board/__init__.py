"""What every system scored on every request, and what can be concluded from it."""
