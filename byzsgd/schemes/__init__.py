"""Schemes: who reads whose model when, and what a delivery means."""

from byzsgd.schemes.server import Server as server
