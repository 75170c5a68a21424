"""Scoreboards of systems: read, compare, choose measures, estimate offline."""
