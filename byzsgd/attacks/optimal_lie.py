"""A little is enough, with the most harmful z."""

from __future__ import annotations

from torch import Tensor

from byzsgd.attacks.declaration import forging
from byzsgd.attacks.deviation import SIGN, mean_and_std
from byzsgd.attacks.line_search import EVALS, line_search
from byzsgd.attacks.outlook import Conspiracy, away, outlook
from byzsgd.interfaces import View

FIXED = 1.5  # the z of `lie`, which the search starts from


@forging(EVALS, SIGN, sees="delivered", previews=True, memory=Conspiracy)
def optimal_lie(view: View, *, evals: int = 20, sign: int = -1) -> Tensor:
    """Sends (d,) mean + sign·z·std with the z that does most harm to this server, by line search with its preview.

    Harm is ‖direction − mean‖², mean over the visible honest vectors; a refused vector does none. Where the arrival
    completes no step, the other workers are imagined to follow (honest ones with their visible vectors, liars with the
    same one); where even that gives no direction, the vector itself is taken for it, if it is accepted.

    Baruch, Baruch, Goldberg (NeurIPS 2019, arXiv 1902.06156), with the line search of El Mhamdi, Guerraoui, Rouault:
    Distributed momentum for Byzantine-resilient learning (ICLR 2021, arXiv 2003.00010).
    """
    if view.honest.shape[0] < 2:
        return view.own
    mean, std = mean_and_std(view.honest)
    direction, push = outlook(view), sign * std
    best, _ = line_search(lambda z: away(direction(mean + z * push), mean), FIXED, evals)
    return mean + best * push
