"""Feature families, one SQL file each; the folder says for what: user, item, pair ... facts/: what they share."""
