"""Tables and report pages. All numbers come from `byzsgd.analysis`."""

from .comparing import accuracy as accuracy
from .comparing import tables as tables
from .report import report as report
from .tables import Table as Table
from .tables import chosen as chosen
from .tables import require_formats as require_formats
from .tables import to_rich as to_rich
from .tables import write as write
