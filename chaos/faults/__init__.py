"""What is done to a workload, one fault a file: parameters, a witness, an undo, and what it needs."""
