"""Tables and report pages. All numbers come from `byzsgd.analysis`."""

from .comparing import accuracy as accuracy
from .comparing import tables as tables
from .html_page import report as report
from .table import Table as Table
from .table import chosen as chosen
from .table import require_formats as require_formats
from .table import to_rich as to_rich
from .table import write as write
