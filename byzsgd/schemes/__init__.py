"""Schemes: who reads whose model when, and what a delivery means."""

from byzsgd.schemes.coded import Coded as coded
from byzsgd.schemes.ring_allreduce import RingAllreduce as ring_allreduce
from byzsgd.schemes.server import Server as server
from byzsgd.schemes.tree import CodedReduce as tree
