"""Early stopping and a goal: looked at when an epoch ends, so never a matter of the clock."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import torch
from torch import Tensor

from engine.words import _

Losses = Callable[[], Tensor]
"""The loss of each member, (K,)."""
Reached = Callable[[], Tensor]
"""Whether each member has reached its goal, (K,) of bool."""


class Stopping:
    """Watches the losses; each member keeps the weights it stops with, as if it were alone.

    With `patience`, those of its best validation loss (Prechelt 1998, Early Stopping: But When?);
    with a goal, those that reached it.

    Parameters
    ----------
    parameters
        What is kept and put back; with `stacked`, their first dimension counts the members.
    epochs, per_epoch
        How long training would last; steps of an epoch.
    patience
        Epochs without a better validation loss; 0 for ever.
    validation
        None when no rows are held out: then there is nothing to be patient about.
    goal
        None without one.
    """

    def __init__(
        self,
        parameters: Sequence[Tensor],
        *,
        members: int,
        epochs: int,
        per_epoch: int,
        patience: int = 0,
        validation: Losses | None = None,
        goal: Reached | None = None,
        stacked: bool | None = None,
    ) -> None:
        self.patience = patience if validation is not None else 0
        self.active = bool(goal or self.patience)
        self._total = epochs * per_epoch
        self._per_epoch, self._done = per_epoch, 0
        self._parameters = parameters
        self._stacked = members > 1 if stacked is None else stacked
        self._goal, self._validation = goal, validation
        self.best = torch.full((members,), torch.inf)
        self.best_epoch = torch.zeros(members)
        self.finished = torch.zeros(members)  # the epoch each member stopped at, or 0
        self.reached = torch.zeros(members)  # whether that was for the goal
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
        if self._goal is not None:
            hit = running & self._goal().cpu()
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
        if not self._stacked and chosen.all():
            torch._foreach_copy_(self._kept, [p.detach() for p in self._parameters])
        elif chosen.any():
            for kept, p in zip(self._kept, self._parameters, strict=True):
                kept[chosen] = p.detach()[chosen]

    def _put_back(self, chosen: Tensor | None = None) -> None:
        for kept, p in zip(self._kept, self._parameters, strict=True):
            if not self._stacked:
                if chosen is None or chosen.all():
                    p.copy_(kept)
            else:
                where = slice(None) if chosen is None else chosen
                p[where] = kept[where]

    def words(self, goal: str = "") -> str | None:
        """What happened, for a note; None if training ran to its end.

        Parameters
        ----------
        goal
            The goal in words: `the loss is at most 0.1`.
        """
        epoch = round(float(self.finished.max()))
        if self.over and self.reached.all():
            return _("Stopped after epoch {epoch}: {goal}.").format(epoch=epoch, goal=goal)
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
