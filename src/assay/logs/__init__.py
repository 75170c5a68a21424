"""From files and databases to a clean log."""
