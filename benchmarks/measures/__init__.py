"""One module a measure: its name, and `measure`, which finds the figures and what they say about what is due."""
