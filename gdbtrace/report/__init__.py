"""Results and frames as text."""
