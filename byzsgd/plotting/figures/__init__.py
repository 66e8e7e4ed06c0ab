"""One figure a file: the function of its name."""
