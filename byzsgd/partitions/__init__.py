"""Partitions: (train split, n, generator) -> n disjoint index arrays that together are all examples."""

from byzsgd.partitions.dirichlet import dirichlet as dirichlet
from byzsgd.partitions.iid import iid as iid
