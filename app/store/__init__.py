"""SQL and nothing else: values in, values out, never a row."""
