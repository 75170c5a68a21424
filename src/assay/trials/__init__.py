"""Retrain and compare: the only judge of a selection."""
