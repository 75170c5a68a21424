"""From values to weights of training samples."""
