"""The base of the guides that are derived from a declared model: one encoder, and a head for each latent."""

from __future__ import annotations

import contextlib
from abc import ABC, abstractmethod
from collections.abc import Mapping
from math import prod
from typing import Any

import pyro
import torch
from torch import Tensor, nn

from ppgen.checked import checked
from ppgen.declare import DATA_PLATE, Model, Site, batch_rows, label_of, name_of, verify_model
from ppgen.errors import DeclarationError
from ppgen.guides.coordinates import Latent, Masks, largest_class
from ppgen.guides.evidence import EncoderInput
from ppgen.guides.exact_classes import ExactClasses
from ppgen.guides.networks import beside, make_head, start_narrow
from ppgen.guides.scaled import ScaledGuide
from ppgen.guides.started import Init, depends_on_global

__all__ = ["DerivedGuide", "Latent"]


class DerivedGuide(ScaledGuide, ABC):
    """A guide built from a declared model: one network reads what is observed, one head a latent gives q.

    Sites are drawn in the model's order, so that closed-form rates stay valid. A global latent gets free parameters
    instead of a head. A latent whose value is in the batch is observed there and not drawn; where the model masks a
    latent (``return dist.Normal(...).mask(mask)``), so does the guide. Building the guide changes nothing of the model,
    and no random state.

    The default encoder reads real numbers and counts standardised by the training split, :meth:`standardise`. For a
    few hundred rows or fewer, free parameters for each row, which need no encoder at all, are often nearer to the
    posterior: an ``AutoNormal`` of Pyro's on the whole data at once. Classes whose model has no other latents but
    global ones need no encoder: :class:`~ppgen.guides.exact_classes.ExactClasses`.

    Encoder and heads are made by :meth:`setup`, as soon as the shapes of everything observed are known: at once, or on
    the first batch if the model has covariates or further plates.

    Args:
        model: the declared model.
        encoder: a network of the user's instead of the default one: x [batch, ...] -> features [batch, F].
        width: features of the default encoder.
        init: where ``ppgen.fit`` begins with global latents: ``"laplace"``, ``"median"``, ``"feasible"``,
            ``"sample"``, or a function from a site to a value of it (or ``None``: its median); default: of the first
            three the one with the highest bound, where all continuous latents are global and few, else the second.
        restarts: beginnings of which the best is kept; default: 8 for ``"laplace"``, else 1.

    Raises:
        DeclarationError: naming the site, if a latent is discrete or has an unsupported shape.
        SettingError: for an unknown ``init``.
    """

    @checked
    def __init__(
        self,
        model: Model,
        *,
        encoder: nn.Module | None = None,
        width: int = 128,
        init: Init = None,
        restarts: int | None = None,
    ) -> None:
        verify_model(type(self).__name__, model)
        if not isinstance(model, Model):
            raise DeclarationError(
                f"{type(self).__name__}: guides are derived from declared models",
                expected="an instance of a ppgen.Model subclass",
                got=f"the hand-written program {label_of(model)}",
                fix="write its guide too: ppgen.Program(model, guide)",
                code="M061",
            )
        if not any(site.role == "latent" for site in model.sites.values()):
            raise DeclarationError(
                f"{type(self).__name__}: {type(model).__name__} has no latent variables to guide",
                expected="at least one @ppgen.latent site",
                got=f"sites {sorted(model.sites)}",
                fix="leave the guide out",
                code="M062",
            )
        super().__init__(model, init, restarts)
        self.heads = nn.ModuleDict()
        self.parts = nn.ModuleDict()
        self.reads: dict[str, list[str]] = {}
        self.masks: Masks | None = None
        self.exact: ExactClasses | None = None
        self._encoder, self._width = encoder, width
        if not model.covariates and not model.plates:
            self.setup()

    normal_boxes = False
    """Whether the family learns a latent of uniform prior in coordinates in which that prior is standard normal."""

    # What a family decides -------------------------------------------------------------------------------------------

    @abstractmethod
    def num_outputs(self, latent: Latent, before: list[Latent]) -> int:
        """How many numbers the head of a latent gives, per element of its plates: locations, scales, all others.

        Args:
            latent: continuous.
            before: the continuous latents that are drawn before it.
        """

    @abstractmethod
    def distribution(self, latent: Latent, output: Tensor, memory: dict[str, Any]) -> Any:
        """The latent's distribution.

        Args:
            latent: continuous.
            output: of its head, [..., num_outputs].
            memory: notes that the family keeps during one run of the guide.
        """

    def remember(self, latent: Latent, value: Tensor, memory: dict[str, Any]) -> None:
        """Note what later latents need to know of this one's value; by default nothing.

        Args:
            latent: continuous.
            value: [..., *plates, *event].
            memory: notes that the family keeps during one run of the guide.
        """

    def part(self, latent: Latent) -> nn.Module | None:
        """A further network of a continuous latent, kept in ``self.parts``; by default none."""
        return None

    def arrange(self, latents: list[Latent]) -> list[Latent]:
        """The order in which continuous latents are drawn; by default the model's."""
        return latents

    def conditions(self, latent: Latent, before: list[Latent]) -> list[Latent]:
        """Which continuous latents its head reads, beside the encoder's features; by default none.

        Args:
            latent: continuous.
            before: the continuous latents that are drawn before it.
        """
        return []

    # What all families share -----------------------------------------------------------------------------------------

    @property
    def is_ready(self) -> bool:
        """Whether encoder and heads exist."""
        return bool(self.latents)

    @property
    def sites(self) -> Mapping[str, Site]:
        """The latent variables of the model, discrete ones first as soon as the guide has been set up."""
        return {latent.name: latent.site for latent in self.latents} if self.latents else super().sites

    def setup(self, batch: Mapping[str, Tensor] | None = None) -> DerivedGuide:
        """Build encoder and heads for the shapes that a batch shows; ``ppgen.fit`` calls it.

        Weights have the type and device of the model's, or of the data if it has none. Where the batch observes a
        continuous latent, the encoder reads its value too; a guide that did not know of it is built anew.

        Args:
            batch: by site and covariate, [rows, ...] each, with the largest label of each integer covariate among them.
        """
        lacks = self.evidence is not None and self.evidence.lacks(self._given(self.latents, batch), batch)
        if self.is_ready and not lacks:
            self.follow(batch)
            return self
        sites = self.model.sites.values()
        nodes = self.model.prior_run(batch, None if batch else 2).nodes
        where = f"{type(self).__name__}: latent variable {{!r}} of {type(self.model).__name__}"
        hidden, is_normal = [site for site in sites if site.role == "latent"], self.normal_boxes
        found = [Latent.of(s, nodes[s.name], where.format(s.name), normal_boxes=is_normal) for s in hidden]
        # Discrete latents come first, so that they can be summed out with everything else given them.
        latents = [*(one for one in found if one.is_discrete), *self.arrange([c for c in found if not c.is_discrete])]
        example = {site.name: nodes[site.name]["value"] for site in sites} | dict(batch or {})
        example |= {site.name: largest_class(nodes[site.name]["fn"], example[site.name]) for site in sites}
        given = self._given(latents, batch)
        self.classes = {site.name for site in sites if name_of(nodes[site.name]["fn"]) == "Categorical"}
        observed = [site.name for site in sites if site.role != "latent" or site.name in given]
        evidence = [*observed, *self.model.covariates]
        with torch.random.fork_rng(devices=[]):
            self.exact = None if self._encoder is not None else ExactClasses.of(self, latents, evidence)
            if self.exact is None and any(latent.site.local for latent in latents):
                read = {name: example[name].cpu() for name in evidence if name in example}
                paths = [one.event_shape[0] for one in latents if one.is_path]
                self.evidence = EncoderInput(read, self._width, self._encoder, paths)
                num_features = self.evidence.num_features
            for i, latent in enumerate(latents):
                before = [other for other in latents[:i] if other.site.local == latent.site.local]
                continuous = [other for other in before if not other.is_discrete]
                outputs = latent.num_free if latent.is_discrete else self.num_outputs(latent, continuous)
                if not latent.is_discrete and (part := self.part(latent)) is not None:
                    self.parts[latent.name] = part
                if latent.site.local and self.exact is None:
                    reads = [other for other in before if other.is_discrete] + self.conditions(latent, continuous)
                    self.reads[latent.name] = [read.name for read in reads]
                    num_read = sum(read.num_free * prod(read.plate_shape) for read in reads)
                    num_outputs = outputs * prod(latent.plate_shape)
                    self.heads[latent.name] = make_head(num_features, num_read, num_outputs, self._width)
                elif not latent.site.local:
                    self.free[latent.name] = nn.Parameter(start_narrow(latent.num_free, outputs))
                if not latent.is_discrete and depends_on_global(latent.site, self.model.sites):
                    self.frames[latent.name] = self.frame(latent, continuous)
        if any(latent.is_masked for latent in latents):
            one = {s.name: nodes[s.name]["value"].detach()[:1] if s.local else nodes[s.name]["value"] for s in sites}
            self.masks = Masks(self.model, one)
        self.latents, self.is_placed, self.knows_data = latents, False, False
        self.follow(batch)
        return self

    def forward(
        self,
        batch: Mapping[str, Tensor] | None = None,
        size: int | None = None,
        shifts: Mapping[str, Tensor] | None = None,
    ) -> dict[str, Tensor]:
        """Draw all latents given a batch.

        Args:
            batch: as in ``Model.forward``.
            size: as in ``Model.forward``.
            shifts: for each local latent, what to add to its head's output, ``[rows, num_outputs]``: how
                :class:`~ppgen.guides.Refined` moves the posterior of one datum.
        """
        batch = {} if batch is None else batch
        if not (self.is_ready and self.is_placed):
            self.setup(batch)
        rows = batch_rows(batch, size)
        memory: dict[str, Any] = {}
        values: dict[str, Tensor] = {}
        for latent in self.latents:
            if not latent.site.local:
                values[latent.name] = self._draw(latent, self.free[latent.name], batch, values, memory)
        if all(not latent.site.local for latent in self.latents):
            return values
        joint = None if self.exact is None else self.exact.joint(batch)
        features: Any = None if self.evidence is None else self.evidence(batch)
        inner = self.model.plates
        full = rows if size is None else size
        with pyro.plate(DATA_PLATE, full, subsample=torch.arange(rows), dim=-1 - len(inner)):
            for latent in self.latents:
                if not latent.site.local:
                    continue
                if self.exact is not None and joint is not None:
                    output = self.exact.logits(latent, joint, batch, values)
                else:
                    known = [memory[f"features of {name}"] for name in self.reads[latent.name]]
                    output = self.heads[latent.name](beside(features, known))
                    if shifts is not None:
                        output = output + shifts[latent.name]
                    output = output.reshape(*output.shape[:-1], *latent.plate_shape, -1)
                with contextlib.ExitStack() as nest:
                    for name in latent.site.plates:
                        index = inner.index(name)
                        nest.enter_context(pyro.plate(name, latent.plate_shape[index], dim=index - len(inner)))
                    values[latent.name] = self._draw(latent, output, batch, values, memory)
        return values

    def _draw(
        self,
        latent: Latent,
        output: Tensor,
        batch: Mapping[str, Tensor],
        drawn: Mapping[str, Tensor],
        memory: dict[str, Any],
    ) -> Tensor:
        fn = latent.discrete(output) if latent.is_discrete else self.distribution(latent, output, memory)
        value = batch.get(latent.name)
        if value is None:
            if self.masks is not None and latent.is_masked:
                fn = fn.mask(self.masks.of(latent.site, batch, drawn, batch_rows(batch, None)))
            # Marked for Pyro's TraceEnum_ELBO; our own bound sums a discrete latent out as rows of the batch.
            value = pyro.sample(latent.name, fn, infer={"enumerate": "parallel"} if latent.is_discrete else {})
        if not latent.is_discrete and latent is not self.latents[-1]:
            self.remember(latent, value, memory)
        if any(latent.name in names for names in self.reads.values()):
            memory[f"features of {latent.name}"] = self.learned_features(latent, value)
        return value

    def _given(self, latents: list[Latent], batch: Mapping[str, Tensor] | None) -> set[str]:
        """Continuous latents that a batch observes: read for the others, unless the encoder is the user's."""
        known = {} if batch is None or self._encoder is not None else batch
        return {one.name for one in latents if one.site.local and not one.is_discrete and one.name in known}
