"""The Common Expression Language, as far as rules of custom resources are written in it. Pure.

An expression is read (`parser`), held to its types (`checker`) and made into a function of its variables (`program`),
which counts what it costs and stops at a limit. What it can call is in `library/`, a file for each subject.

Sources: the language definition at github.com/google/cel-spec; "Common Expression Language in Kubernetes".
"""
