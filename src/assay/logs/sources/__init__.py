"""One source a file: each yields Arrow record batches of canonical events."""
