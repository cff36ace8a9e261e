"""Jobs: admission, executors and the log of every run."""
