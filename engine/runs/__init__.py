"""The run store: what every finished run leaves behind, and who may see it."""
