"""How many requests a test takes, and which."""
