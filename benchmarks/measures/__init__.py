"""One module per measure: its NAME, and `measure(run)`, which returns its report."""
