"""Judgements: graded pairs of query and item, made from clicks, written and read as others' tools hold them."""
