"""What expressions can call: in each file one subject, as functions by their signatures in CEL.

A signature reads `name(parameters) result`, with the receiver before it where it is called as a method:
`string . contains(string) bool`. Types of one capital letter stand for any type, the same wherever the letter returns.
"""
