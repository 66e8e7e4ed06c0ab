"""Partitions: (train split, n, generator) -> n disjoint index arrays that together contain all examples."""

from byzsgd.partitions.by_writer import by_writer as by_writer
from byzsgd.partitions.class_counts import class_counts as class_counts
from byzsgd.partitions.class_groups import class_groups as class_groups
from byzsgd.partitions.dirichlet import dirichlet as dirichlet
from byzsgd.partitions.extreme import extreme as extreme
from byzsgd.partitions.gamma_similarity import gamma_similarity as gamma_similarity
from byzsgd.partitions.iid import iid as iid
from byzsgd.partitions.labels import labels as labels
from byzsgd.partitions.quantity_skew import quantity_skew as quantity_skew
from byzsgd.partitions.shards import shards as shards
