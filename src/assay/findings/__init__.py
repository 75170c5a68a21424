"""What values show: segments, rules, slices, anomalies, single samples, explanations."""
