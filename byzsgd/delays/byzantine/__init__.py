"""How fast Byzantine workers compute, relative to honest ones. Any law of seconds may take its place."""

from .same import Same as same
