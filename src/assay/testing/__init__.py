"""Public conformance tests for whatever plugs in."""
