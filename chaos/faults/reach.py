"""Connecting from inside a container, with the tools of any image that has a shell."""

from inspect import cleandoc

# reach NAME ADDRESS PORT prints `NAME=done`, `NAME=timed out` or `NAME=` and what else came of it.
REACH = cleandoc(
    r"""
    reach() {
      if command -v bash >/dev/null; then out=$(timeout 1 bash -c "exec 3<>/dev/tcp/$2/$3" 2>&1)
      else out=$(timeout 1 nc -z "$2" "$3" 2>&1); fi
      case $? in 0) echo "$1=done";; 124|143) echo "$1=timed out";; *) echo "$1="${out:-no answer};; esac
    }
    """
)
