"""What a visitor takes home of a run: notebook, TensorBoard log, model, animation (torch-free)."""
