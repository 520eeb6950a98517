"""The interpreters that differentiate."""
