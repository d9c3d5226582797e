"""The checklist, one defense a file, each with five verbs: audit, strip, fix, exercise, judge. All of them pure."""
