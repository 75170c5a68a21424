"""Feature families, one SQL file each; the folder says for what: user, item, pair, or a user's category or brand."""
