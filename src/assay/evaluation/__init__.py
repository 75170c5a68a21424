"""Predictions and truth in; per-request scores, intervals and tests out."""
