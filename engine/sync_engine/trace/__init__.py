"""How one source record becomes the rows of a stream, step by step, for whoever wants to understand it."""
