"""A finished run made readable: terminal, HTML, Markdown, JSON. Reads `chaos.result` alone; renders, never judges."""
