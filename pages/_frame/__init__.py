"""The page frame: everything that all topic pages share."""
