"""Every contract between the parts, a page for each side.

Legend: n workers, f declared liars, d parameters, k collected vectors, h visible honest messages, B batch size.
Vectors are flat torch tensors; times are virtual seconds; steps and versions count server updates.

Three rules hold for all of them:

* A part without state is a plain function; a part with state is a frozen dataclass beside an explicit `State`
  dataclass, so that any moment of a run can be saved. A `State` holds its context (re-attached at resume) and else
  only tensors, numbers, booleans, strings, enums, None, tuples, dicts and dataclasses of those: no list, no set
  (`records/tree.py` holds the one list).
* A `State` is mutable, the tensors in it are not: they are replaced, never written to. So a state is forked by copying
  its containers, whatever d is.
* Data are positional (they come from the simulation), hyper-parameters are keyword-only (they come from YAML).
"""

from .adversary import SEES as SEES
from .adversary import AdversaryContext as AdversaryContext
from .adversary import Attack as Attack
from .adversary import Knowledge as Knowledge
from .adversary import Neighbourhood as Neighbourhood
from .adversary import View as View
from .compressor import Compressor as Compressor
from .compressor import Sending as Sending
from .compressor import Wire as Wire
from .network import Compress as Compress
from .network import Exchange as Exchange
from .network import Graph as Graph
from .network import Mixing as Mixing
from .network import NodeRule as NodeRule
from .network import Sent as Sent
from .problem import Augment as Augment
from .problem import Data as Data
from .problem import Dataset as Dataset
from .problem import Loss as Loss
from .problem import ModelFactory as ModelFactory
from .problem import Partition as Partition
from .problem import Problem as Problem
from .problem import Split as Split
from .record import Event as Event
from .record import Sink as Sink
from .record import Tracked as Tracked
from .record import Tracker as Tracker
from .scheme import Delivery as Delivery
from .scheme import Edge as Edge
from .scheme import Key as Key
from .scheme import MeetsNeighbours as MeetsNeighbours
from .scheme import NamesWork as NamesWork
from .scheme import Outcome as Outcome
from .scheme import Scheme as Scheme
from .scheme import SchemeContext as SchemeContext
from .scheme import SchemeSettings as SchemeSettings
from .scheme import Verbs as Verbs
from .scheme import W as W
from .scheme import World as World
from .server import Aggregator as Aggregator
from .server import Arrival as Arrival
from .server import Collected as Collected
from .server import Collector as Collector
from .server import Damping as Damping
from .server import Decision as Decision
from .server import Filter as Filter
from .server import Judgement as Judgement
from .server import Optimizer as Optimizer
from .server import PreAggregator as PreAggregator
from .server import Reply as Reply
from .server import Rule as Rule
from .server import ServerContext as ServerContext
from .server import StatefulRule as StatefulRule
from .server import WeightedRule as WeightedRule
from .server import accept as accept
from .server import refuse as refuse
from .time import Availability as Availability
from .time import Clock as Clock
from .time import Delay as Delay
from .time import Draws as Draws
from .time import Heterogeneity as Heterogeneity
from .time import JobLaw as JobLaw
from .time import LiarsLaw as LiarsLaw
from .time import LinkLaw as LinkLaw
from .time import Slots as Slots
from .time import StalenessLaw as StalenessLaw
from .time import Turn as Turn
from .values import key as key
from .values import value as value
from .worker import FLOAT_BITS as FLOAT_BITS
from .worker import Batch as Batch
from .worker import BatchKey as BatchKey
from .worker import ClippedSum as ClippedSum
from .worker import Combined as Combined
from .worker import Engine as Engine
from .worker import Gradients as Gradients
from .worker import Job as Job
from .worker import LocalSteps as LocalSteps
from .worker import Message as Message
from .worker import Sampling as Sampling
from .worker import Task as Task
from .worker import Work as Work
from .worker import WorkerContext as WorkerContext
from .worker import WorkerRule as WorkerRule
