"""What a server needs below HTTP."""
