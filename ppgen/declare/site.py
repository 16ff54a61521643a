"""A random variable as it is declared: one method, whose argument names are its parents."""

from __future__ import annotations

import dataclasses
import graphlib
import inspect
from collections.abc import Callable, Mapping
from typing import Any, Literal, TypeVar, overload

from ppgen.errors import DeclarationError

__all__ = [
    "DATA_PLATE",
    "Mark",
    "Role",
    "Site",
    "collect",
    "covariate_names",
    "implicit",
    "latent",
    "observed",
    "order",
]

Role = Literal["latent", "observed", "implicit"]
Method = TypeVar("Method", bound=Callable[..., Any])
DATA_PLATE = "data"
_MARK = "_ppgen_mark"


@dataclasses.dataclass(frozen=True)
class Mark:
    """What a decorator says of a method: its role, whether it is repeated for each datum, and its further plates."""

    role: Role
    local: bool = True
    plates: tuple[str, ...] = ()


@dataclasses.dataclass(frozen=True)
class Site:
    """One random variable of a declared program.

    Args:
        name: the method's name, which is the Pyro site's name.
        role: ``"latent"``, ``"observed"`` (a batch must have it when fitting) or ``"implicit"`` (a sampler).
        parents: argument names: other sites, or covariates from the batch.
        optional: the parents that have a default value, and so may be absent from the batch.
        local: whether there is one value per datum (inside the data plate) or one for the whole data set.
        plates: further plates around the site, from the outermost to the innermost.
        event_shape: of its distribution. A declaration does not tell: ``None`` until a run of the program has.
        num_values: how many values it can take, 0 if they have no end or are real numbers; ``None`` likewise.
        is_discrete: whether its values can be counted; ``None`` likewise.
        is_normalised: whether its log-density is one of a distribution; a ``pyro.factor`` has any number.
    """

    name: str
    role: Role
    parents: tuple[str, ...]
    optional: frozenset[str] = frozenset()
    local: bool = True
    plates: tuple[str, ...] = ()
    event_shape: tuple[int, ...] | None = None
    num_values: int | None = None
    is_discrete: bool | None = None
    is_normalised: bool = True


def _decorator(role: Role, method: Method | None, local: bool, plate: str | tuple[str, ...] | None) -> Any:
    plates = () if plate is None else (plate,) if isinstance(plate, str) else tuple(plate)
    if DATA_PLATE in plates or len(set(plates)) < len(plates):
        raise DeclarationError(
            f"@ppgen.{role}: further plates need names of their own",
            expected="a name for each plate inside the data plate, which is there already",
            got=f"plate={plate!r}",
            fix=f"leave {DATA_PLATE!r} and repeated names out" if DATA_PLATE in plates else "name each plate once",
            code="M023",
        )
    if plates and not local:
        raise DeclarationError(
            "a global site cannot stand in a local plate",
            expected="either local=False or plate=...",
            got=f"local=False and plate={plate!r}",
            fix="give the site an event dimension instead: dist.Normal(0., 1.).expand([K]).to_event(1)",
            code="M024",
        )

    def mark(function: Any) -> Any:
        if not inspect.isfunction(function):
            raise DeclarationError(
                f"@ppgen.{role} marks a method",
                expected="def z(self): ...",
                got=repr(function),
                fix=f"write @ppgen.{role} directly above the method",
                code="M025",
            )
        setattr(function, _MARK, Mark(role, local, plates))
        return function

    return mark if method is None else mark(method)


@overload
def latent(method: Method) -> Method: ...
@overload
def latent(*, local: bool = True, plate: str | tuple[str, ...] | None = None) -> Callable[[Method], Method]: ...
def latent(
    method: Method | None = None, *, local: bool = True, plate: str | tuple[str, ...] | None = None
) -> Method | Callable[[Method], Method]:
    """Declare a latent variable: the method returns its distribution given its parents.

    Args:
        method: the method, where the decorator stands without parentheses.
        local: ``True`` for one value per datum; ``False`` for one value for the whole data set (a global latent).
        plate: name(s) of further plates inside the data plate, such as ``"words"``.

    Example:
        >>> import pyro.distributions as dist
        >>> from ppgen.declare import Model, latent
        >>> class Coin(Model):
        ...     @latent(local=False)
        ...     def bias(self):
        ...         return dist.Beta(1.0, 1.0)
        >>> Coin.sites["bias"].local
        False
    """
    return _decorator("latent", method, local, plate)


@overload
def observed(method: Method) -> Method: ...
@overload
def observed(*, plate: str | tuple[str, ...] | None = None) -> Callable[[Method], Method]: ...
def observed(
    method: Method | None = None, *, plate: str | tuple[str, ...] | None = None
) -> Method | Callable[[Method], Method]:
    """Declare a variable that the data must contain: the method returns its likelihood given its parents.

    Args:
        plate: name(s) of further plates inside the data plate, such as ``"words"``.
    """
    return _decorator("observed", method, True, plate)


@overload
def implicit(method: Method) -> Method: ...
@overload
def implicit(*, plate: str | tuple[str, ...] | None = None) -> Callable[[Method], Method]: ...
def implicit(
    method: Method | None = None, *, plate: str | tuple[str, ...] | None = None
) -> Method | Callable[[Method], Method]:
    """Declare a sampler without a likelihood: the method returns a *tensor*, such as a GAN's generated image.

    Args:
        plate: name(s) of further plates inside the data plate, such as ``"words"``.
    """
    return _decorator("implicit", method, True, plate)


def collect(cls: type, taken: frozenset[str]) -> dict[str, Site]:
    """The sites that a class declares or inherits, by name, in the order of their dependence.

    A method that overrides a declared one inherits its mark, so a subclass may change a distribution without
    repeating the decorator.

    Args:
        cls: the class.
        taken: names that a site cannot have.

    Raises:
        DeclarationError: naming the site, on a taken name, hidden parents or a cycle.
    """
    marks: dict[str, Mark] = {}
    for base in reversed(cls.__mro__):
        for name, member in vars(base).items():
            if mark := getattr(member, _MARK, None):
                marks[name] = mark
    sites = {}
    for name, mark in marks.items():
        where = f"{cls.__name__}.{name}"
        if name in taken or name.startswith("_"):
            raise DeclarationError(
                f"{where}: a site cannot have this name",
                expected="a name without a leading underscore that torch, Pyro and ppgen do not use themselves",
                got=repr(name),
                fix=f"rename the method, for example to {name.strip('_')}_site",
                code="M026",
            )
        parents, optional = _parents(getattr(cls, name), name, where)
        sites[name] = Site(name, mark.role, parents, optional, mark.local, mark.plates)
    return order(sites, cls.__name__)


def _parents(method: Any, name: str, where: str) -> tuple[tuple[str, ...], frozenset[str]]:
    """Names of all arguments but ``self``, and those among them that have a default value."""
    if not inspect.isfunction(method):
        raise DeclarationError(
            f"{where}: a site is overridden by something that is no method",
            expected=f"def {name}(self, ...)",
            got=repr(method),
            fix="override it by a method, or leave the site out of the base class",
            code="M027",
        )
    parameters = list(inspect.signature(method).parameters.values())
    if not parameters:
        raise DeclarationError(
            f"{where}: the method has no argument self",
            expected=f"def {name}(self, ...)",
            got=f"def {name}()",
            fix=f"def {name}(self): ...",
            code="M028",
        )
    for parameter in parameters[1:]:
        if parameter.kind in (parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD, parameter.POSITIONAL_ONLY):
            raise DeclarationError(
                f"{where}: parents are read from argument names, which *args, **kwargs and / hide",
                expected=f"def {name}(self, parent, ...)",
                got=f"def {name}{inspect.signature(method)}",
                fix="name every parent as an argument",
                code="M029",
            )
        if parameter.name == name:
            raise DeclarationError(
                f"{where}: a site cannot be its own parent",
                expected="names of other sites, or of covariates",
                got=f"def {name}{inspect.signature(method)}",
                fix="remove the argument, or rename it to the covariate that it stands for",
                code="M030",
            )
    names = tuple(parameter.name for parameter in parameters[1:])
    return names, frozenset(p.name for p in parameters[1:] if p.default is not p.empty)


def covariate_names(sites: Mapping[str, Site]) -> list[str]:
    """Parents of the sites that are no sites themselves, in the order in which they are first asked for."""
    return list(dict.fromkeys(parent for site in sites.values() for parent in site.parents if parent not in sites))


def order(sites: Mapping[str, Site], owner: str) -> dict[str, Site]:
    """Sort sites so that parents come before children, otherwise as declared.

    Args:
        sites: by name, as declared.
        owner: the class, for the message.

    Raises:
        DeclarationError: on a cycle, or where a global site depends on a local one.
    """
    parents = {name: [parent for parent in site.parents if parent in sites] for name, site in sites.items()}
    try:
        graphlib.TopologicalSorter(parents).prepare()
    except graphlib.CycleError as error:
        cycle = error.args[1][::-1]
        raise DeclarationError(
            f"{owner}: the sites depend on each other in a circle",
            expected="a directed graph without cycles",
            got=" -> ".join(cycle),
            fix=f"remove the argument {cycle[1]!r} from {cycle[0]!r}, or another edge of the circle",
            code="M031",
        ) from error
    done: dict[str, Site] = {}
    while len(done) < len(sites):
        ready = next(name for name in sites if name not in done and all(parent in done for parent in parents[name]))
        done[ready] = sites[ready]
    for site in done.values():
        for parent in site.parents:
            if not site.local and parent in done and done[parent].local:
                raise DeclarationError(
                    f"{owner}.{site.name}: a global site cannot depend on a local one",
                    expected="parents that are global too",
                    got=f"{site.name!r} (local=False) with parent {parent!r} (one value per datum)",
                    fix=f"make {site.name!r} local, or {parent!r} global with @ppgen.latent(local=False)",
                    code="M032",
                )
    return done
