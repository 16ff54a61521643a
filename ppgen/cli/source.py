"""A user's own model, guide or objective, named on the command line as ``FILE.py:Class`` or ``module:Class``."""

from __future__ import annotations

import ast
import difflib
import importlib
import importlib.util
import inspect
import sys
from collections.abc import Callable, Mapping
from importlib.machinery import SourceFileLoader
from pathlib import Path
from types import CodeType, ModuleType
from typing import Any

from ppgen.errors import SettingError

__all__ = ["construct", "declares", "is_source", "load_member"]


def is_source(text: str) -> bool:
    """Whether ``text`` names a class in a file or module, rather than a recipe of the zoo."""
    return ":" in text or text.endswith(".py")


def declares(file: Path, name: str) -> bool:
    """Whether a file imports ppgen and defines a name, read from its text without running it.

    Args:
        file: the source file.
        name: of the class or function.
    """
    try:
        tree = ast.parse(file.read_text(encoding="utf-8"))
    except (OSError, SyntaxError, ValueError):
        return False
    imported = {
        alias.name if isinstance(node, ast.Import) else str(node.module)
        for node in ast.walk(tree)
        if isinstance(node, ast.Import | ast.ImportFrom)
        for alias in node.names
    }
    defined = {node.name for node in tree.body if isinstance(node, ast.ClassDef | ast.FunctionDef)}
    return name in defined and any(module.partition(".")[0] == "ppgen" for module in imported)


def load_member(text: str, kind: str = "Model") -> Callable[..., Any]:
    """The class, or the function that builds a model, that ``FILE.py:Class`` names.

    The file runs as ``import`` would run it: because the user named it, and for no other reason. Its own folder comes
    first on ``sys.path``, as with ``python FILE.py``.

    Args:
        text: ``"my_models.py:LadderVAE"``; the name may be left out where the file declares only one class of
            ``kind``. A dotted module (``"package.module:LadderVAE"``) is imported.
        kind: ``"Model"``, ``"Guide"`` or ``"Objective"``: what to look for where the name is left out.

    Raises:
        SettingError: if the file or the name does not exist.
    """
    place, _, name = text.partition(":")
    module = _run_file(Path(place)) if place.endswith(".py") else _import(place)
    classes = _declared(module, kind)
    if not name and len(classes) == 1:
        return next(iter(classes.values()))
    if not name:
        raise SettingError(
            f"{place} declares {len(classes) or 'no'} {kind.lower()}s" + (": say which one" if classes else ""),
            expected=f"one subclass of ppgen.{kind}, or FILE.py:Class",
            got=", ".join(classes) or "none",
            fix=f"{place}:{next(iter(classes))}" if classes else f"class My{kind}(ppgen.{kind}): ...",
            code="S018",
        )
    member = getattr(module, name, None)
    if not callable(member):
        near = difflib.get_close_matches(name, classes, n=1)
        raise SettingError(
            f"{place} has no {kind.lower()} called {name!r}",
            expected=", ".join(classes) or f"a subclass of ppgen.{kind}",
            got=name,
            fix=f"{place}:{near[0]}" if near else f"class {name}(ppgen.{kind}): ...",
            code="S019",
        )
    return member


def construct(maker: Callable[..., Any], given: Mapping[str, Any], offered: Mapping[str, Any], option: str) -> Any:
    """Call ``maker`` with what the user gave, and with what the data offers where its signature asks for it.

    Args:
        maker: a class or a function.
        given: arguments that the user set; each must be in the signature.
        offered: arguments filled in only where the signature names them (``x_shape``).
        option: the option that sets arguments, for the error text.

    Raises:
        SettingError: if an argument is unknown or missing.
    """
    label = getattr(maker, "__name__", "the constructor")
    parameters = inspect.signature(maker).parameters
    named = [name for name, p in parameters.items() if p.kind in (p.POSITIONAL_OR_KEYWORD, p.KEYWORD_ONLY)]
    takes_any = any(p.kind is p.VAR_KEYWORD for p in parameters.values())
    for name in given:
        if name not in named and not takes_any:
            near = difflib.get_close_matches(name, named, n=1)
            raise SettingError(
                f"{label} takes no argument {name!r}",
                expected=", ".join(named) or "no arguments",
                got=f"{option} {name}={given[name]}",
                fix=f"{option} {near[0]}={given[name]}" if near else f"leave {option} {name} out",
                code="S020",
            )
    arguments = {name: value for name, value in offered.items() if name in named} | dict(given)
    missing = [name for name in named if name not in arguments and parameters[name].default is inspect.Parameter.empty]
    if missing:
        raise SettingError(
            f"{label} needs {' and '.join(missing)}",
            expected=f"a value for each argument without a default ({', '.join(named)})",
            got=", ".join(f"{name}={value}" for name, value in arguments.items()) or "nothing",
            fix=" ".join(f"{option} {name}=..." for name in missing),
            code="S021",
        )
    return maker(**arguments)


class _Uncached(SourceFileLoader):
    """Compiles the file itself, never the bytecode kept beside it, which may be that of another text."""

    def get_code(self, fullname: str) -> CodeType:
        return self.source_to_code(self.get_data(self.path), self.path)


def _run_file(file: Path) -> ModuleType:
    if not file.is_file():
        near = sorted(str(path) for path in file.parent.glob("*.py")) if file.parent.is_dir() else []
        close = difflib.get_close_matches(str(file), near, n=1)
        raise SettingError(
            f"{file}: no such file",
            expected="FILE.py:Class, with a path from the current folder",
            got=str(file),
            fix=f"did you mean {close[0]}?" if close else f"check the path (the current folder is {Path.cwd()})",
            code="S022",
        )
    known = sys.modules.get(file.stem)
    if known is not None:
        if Path(getattr(known, "__file__", None) or "").resolve() == file.resolve():
            return known
        raise SettingError(
            f"{file}: a module called {file.stem!r} is already loaded",
            expected="a file name that no other module has",
            got=str(getattr(known, "__file__", "a built-in module")),
            fix=f"rename the file, for instance my_{file.name}",
            code="S023",
        )
    loader = _Uncached(file.stem, str(file))
    spec = importlib.util.spec_from_file_location(file.stem, file, loader=loader)
    module = importlib.util.module_from_spec(spec)  # type: ignore[arg-type]  # with a loader there always is one
    sys.path.insert(0, str(file.resolve().parent))
    sys.modules[file.stem] = module
    try:
        loader.exec_module(module)
    except BaseException:
        del sys.modules[file.stem]
        raise
    return module


def _import(place: str) -> ModuleType:
    try:
        return importlib.import_module(place)
    except ModuleNotFoundError as error:
        if error.name is None or not place.startswith(error.name):
            raise  # the module is there, but one that it imports is not
        raise SettingError(
            f"{place}: no such module",
            expected="FILE.py:Class, package.module:Class, or a name that `ppgen list models` shows",
            got=place,
            fix=f"{place}.py:Class, if you mean a file",
            code="S024",
        ) from error


def _declared(module: ModuleType, kind: str) -> dict[str, type]:
    import ppgen

    own = {name: member for name, member in vars(module).items() if isinstance(member, type)}
    base = getattr(ppgen, kind)
    return {name: c for name, c in own.items() if issubclass(c, base) and c.__module__ == module.__name__}
