"""The command line: the face. Wires the rooms together and holds no logic of its own."""
