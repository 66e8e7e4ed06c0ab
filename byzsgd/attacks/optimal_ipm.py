"""Inner-product manipulation with the most harmful epsilon."""

from __future__ import annotations

from torch import Tensor

from byzsgd.attacks.declaration import forging
from byzsgd.attacks.line_search import EVALS, line_search
from byzsgd.attacks.outlook import Conspiracy, away, outlook
from byzsgd.interfaces import View

FIXED = 0.1  # the epsilon of `ipm`, which the search starts from


@forging(EVALS, sees="delivered", previews=True, memory=Conspiracy)
def optimal_ipm(view: View, *, evals: int = 20) -> Tensor:
    """Sends (d,) −epsilon·mean with the epsilon that does most harm to this server, by line search with its preview.

    Harm is ‖direction − mean‖², mean over the visible honest vectors; a refused vector does none. Where the arrival
    completes no step, the other workers are imagined to follow (honest ones with their visible vectors, liars with the
    same one); where even that gives no direction, the vector itself is taken for it, if it is accepted.

    Xie, Koyejo, Gupta (UAI 2019, arXiv 1903.03936), with the line search of El Mhamdi, Guerraoui, Rouault: Distributed
    momentum for Byzantine-resilient learning (ICLR 2021, arXiv 2003.00010).
    """
    if view.honest.shape[0] < 2:
        return view.own
    mean, direction = view.honest.mean(dim=0), outlook(view)
    best, _ = line_search(lambda epsilon: away(direction(mean * -epsilon), mean), FIXED, evals)
    return mean * -best
