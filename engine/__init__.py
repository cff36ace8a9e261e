"""Training, jobs, runs and figures of the PyTorch Live Gallery. Never imports streamlit."""

from pathlib import Path

__version__ = "0.1.0"

ROOT = Path(__file__).resolve().parent.parent
"""The checkout: `app.py`, `pages/`, `checkpoints/` lie here."""
