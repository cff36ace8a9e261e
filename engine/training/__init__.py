"""The shared training loop and what it needs: context, device, seeds, optimisers."""
