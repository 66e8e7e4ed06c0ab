"""Rules of servers, used by nodes."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from byzsgd.checks import require
from byzsgd.interfaces import Rule
from byzsgd.schemes.rules.declaration import NodeDeclaration
from byzsgd.signatures import unwrapped


@dataclass(frozen=True)
class Rows:
    """An unweighted rule of servers on the k+1 rows [own; received]: (d,), (k, d), (k,) -> (d,). `weights` are not
    used. It must need nothing that only a server has."""

    rule: Rule

    @property
    def declaration(self) -> NodeDeclaration:
        """The rule's own."""
        function, _, bound = unwrapped(self.rule)
        declaration = getattr(function, "declaration", None)
        require(declaration is not None, "a rule of nodes", "an unweighted rule of servers", rule=function)
        assert declaration is not None
        require(declaration.kind == "rule", f"the rule {declaration.name}", "to be unweighted", kind=declaration.kind)
        return NodeDeclaration(declaration.name, declaration.conditions, {**declaration.parameters, **bound})

    def __call__(self, own: Tensor, received: Tensor, weights: Tensor) -> Tensor:
        return self.rule(torch.cat([own[None], received]))
