"""Early stopping and a target: looked at when an epoch ends, so never a matter of the clock."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import torch
from torch import Tensor, nn

from engine.topics.regression.spec import RegressionConfig
from engine.words import _

Losses = Callable[[], Tensor]
"""The loss of each member, (K,)."""


class Stopping:
    """Watches the losses; each member keeps the weights it stops with, as if it were alone.

    With `patience`, those of its best validation loss (Prechelt 1998, Early Stopping: But When?);
    with a `target`, those that reached it.

    Parameters
    ----------
    validation
        None when no rows are held out: then there is nothing to be patient about.
    """

    def __init__(
        self,
        config: RegressionConfig,
        parameters: Sequence[nn.Parameter],
        per_epoch: int,
        training: Losses,
        validation: Losses | None,
    ) -> None:
        self.target = config.target
        self.patience = config.patience if validation is not None else 0
        self.active = bool(self.target or self.patience)
        self._total = config.epochs * per_epoch
        self._per_epoch, self._done = per_epoch, 0
        self._parameters, self._members = parameters, config.seeds
        self._training, self._validation = training, validation
        self.best = torch.full((config.seeds,), torch.inf)
        self.best_epoch = torch.zeros(config.seeds)
        self.finished = torch.zeros(config.seeds)  # the epoch each member stopped at, or 0
        self.reached = torch.zeros(config.seeds)  # whether that was for the target
        self._kept = [p.detach().clone() for p in parameters]

    @torch.no_grad()
    def after_step(self) -> None:
        """At the end of an epoch: look, keep, and at the end put the kept weights back."""
        self._done += 1
        if self._done % self._per_epoch:
            return
        epoch = self._done // self._per_epoch
        running = self.finished == 0
        if self.patience and self._validation is not None:
            losses = self._validation().cpu()
            better = running & (losses < self.best)
            self.best = torch.where(better, losses, self.best)
            self.best_epoch[better] = epoch
            self._keep(better)
            self.finished[running & (epoch - self.best_epoch >= self.patience)] = epoch
        if self.target:
            hit = running & (self._training().cpu() <= self.target)
            self._keep(hit)
            self.finished[hit], self.reached[hit] = epoch, 1
        if self.over or (self.patience and self._done == self._total):
            self._put_back()
        elif self._done == self._total:
            self._put_back(self.finished > 0)

    @property
    def over(self) -> bool:
        """Whether every member has stopped."""
        return bool((self.finished > 0).all())

    def _keep(self, chosen: Tensor) -> None:
        if self._members == 1 and chosen.all():
            torch._foreach_copy_(self._kept, [p.detach() for p in self._parameters])
        elif chosen.any():
            for kept, p in zip(self._kept, self._parameters, strict=True):
                kept[chosen] = p.detach()[chosen]

    def _put_back(self, chosen: Tensor | None = None) -> None:
        for kept, p in zip(self._kept, self._parameters, strict=True):
            if self._members == 1:
                if chosen is None or chosen.all():
                    p.copy_(kept)
            else:
                where = slice(None) if chosen is None else chosen
                p[where] = kept[where]

    def words(self) -> str | None:
        """What happened, for a note; None if training ran to its end."""
        epoch = round(float(self.finished.max()))
        if self.over and self.reached.all():
            return _("Stopped after epoch {epoch}: the loss is at most {target:g}.").format(
                epoch=epoch, target=self.target
            )
        if self.patience and self._done:
            text = _(
                "No better validation loss for {patience} epochs: stopped after epoch {epoch}, "
                "back to the weights of epoch {best}."
            )
            if not self.over:
                text = _("Back to the weights of epoch {best}, the best on the held-out points.")
            best = ", ".join(str(round(e)) for e in self.best_epoch.unique().tolist())
            return text.format(patience=self.patience, epoch=epoch, best=best)
        return None

    STATE = ("best", "best_epoch", "finished", "reached")

    def saved(self) -> dict[str, Tensor]:
        """All that is remembered, as flat tensors for a snapshot."""
        state = {f"stopping.{name}": getattr(self, name).clone() for name in self.STATE}
        return state | {f"stopping.kept{i}": t.clone() for i, t in enumerate(self._kept)}

    def restore(self, tensors: Mapping[str, Tensor], step: int) -> None:
        """Remember what a snapshot of `step` holds, if it holds anything of the same shape."""
        self._done = step
        kept = [tensors.get(f"stopping.kept{i}") for i in range(len(self._kept))]
        if all(t is not None and t.shape == k.shape for t, k in zip(kept, self._kept, strict=True)):
            for name in self.STATE:
                setattr(self, name, tensors[f"stopping.{name}"].clone())
            self._kept = [t.to(p.device) for t, p in zip(kept, self._kept, strict=True)]  # type: ignore[union-attr]
