"""Rows of a packed mixture, read back: where they lie, in what order they are trained on, and what they hold."""
