"""What liars send, and when."""

from .declaration import forging as forging
from .declaration import lift as lift
from .gaussian import gaussian as gaussian
from .ipm import ipm as ipm
from .label_flip import LabelFlip as label_flip
from .lie import lie as lie
from .none import none as none
from .not_a_number import not_a_number as not_a_number
from .reversed import reversed as reversed
from .sign_flip import sign_flip as sign_flip
