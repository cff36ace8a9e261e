"""Topics that only benchmarks train (`GALLERY_EXTRA_TOPICS`)."""
