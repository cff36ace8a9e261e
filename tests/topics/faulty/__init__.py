"""A topic whose jobs misbehave, for the fault tests."""
