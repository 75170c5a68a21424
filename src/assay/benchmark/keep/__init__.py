"""A benchmark as a folder: its contents, its versions, its use, its renewal."""
