"""What neural models share: rows in batches, one training loop, checkpoints. Needs PyTorch, the extra `deep`."""
