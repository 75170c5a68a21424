"""From a clean log to labelled samples with features, candidates and the time split."""
