"""Which items a request is ranked over. One source of candidates a file; `listing` asks them all."""
