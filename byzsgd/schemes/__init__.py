"""Schemes: who reads whose model when, and what a delivery means."""

from byzsgd.schemes.ad_psgd import ADPSGD as ad_psgd
from byzsgd.schemes.coded import Coded as coded
from byzsgd.schemes.d2 import D2 as d2
from byzsgd.schemes.d_psgd import DPSGD as d_psgd
from byzsgd.schemes.ring_allreduce import RingAllreduce as ring_allreduce
from byzsgd.schemes.server import Server as server
from byzsgd.schemes.tree import CodedReduce as tree
