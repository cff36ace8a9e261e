"""A topic with a small and a large network, for the benchmarks of the job system."""
