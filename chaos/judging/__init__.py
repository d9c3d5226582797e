"""From what was recorded to what was proven. Pure: a recording in, verdicts with their evidence out.

Whatever is missing makes a verdict `not_proven`; nothing here has a default that reads as green.
"""
