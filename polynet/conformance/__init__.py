"""The conformance suite: does a backend do what polynet promises?  Nothing is imported here."""
