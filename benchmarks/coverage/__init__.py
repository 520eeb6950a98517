"""Which of NumPy's functions each library differentiates rightly: the same calls, held against central differences."""
