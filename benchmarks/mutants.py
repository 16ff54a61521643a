"""Small faults to put into a source file: the operators of mutmut 3 on a libcst tree, and a few for numerical code.

Not touched are texts and what only a reader or a type checker sees: docstrings, error messages (all that is raised or
built as an error, and what argument checks call a setting), f-strings, progress bars, annotations, decorators, imports
and ``__all__``.
"""

from __future__ import annotations

import dataclasses
import difflib
from collections.abc import Iterator
from pathlib import Path

import libcst as cst
from libcst.metadata import MetadataWrapper, PositionProvider
from mutmut.mutation.mutators import mutation_operators

__all__ = ["Mutant", "mutants_of"]

_SILENT = (cst.Annotation, cst.Decorator, cst.Import, cst.ImportFrom, cst.Raise, cst.FormattedString)
_TEXTS = {"suggested", "desc", "delay", "leave", "disable"}  # arguments that only change what is shown
_CHECKS = {"whole_number", "finite_number", "one_of"}  # their first argument is a name for the message
_TWINS = {"sum": "mean", "mean": "sum", "all": "any", "any": "all", "exp": "log", "log": "exp", "min": "max"}

_KINDS = {"arg removal": "argument None or left out", "assignment": "assignment of None", "if exp": "condition"}
_KINDS |= {"swap op": "operator", "keywords": "operator", "remove unary ops": "operator", "name": "True for False"}


@dataclasses.dataclass(frozen=True, eq=False)
class Mutant:
    """One fault in one file.

    Args:
        path: the file.
        lines: first and last line of the statement up to the fault; any test that reaches it runs one of them.
        kind: of fault.
        before: the node.
        after: what replaces it.
        module: the file's tree.
    """

    path: Path
    lines: tuple[int, int]
    kind: str
    before: cst.CSTNode
    after: cst.CSTNode
    module: cst.Module = dataclasses.field(repr=False)

    def code(self) -> str | None:
        """The whole file with the fault; ``None`` if it is no Python, or no change."""
        text = self.module.deep_replace(self.before, self.after).code  # type: ignore[arg-type]
        try:
            compile(text, str(self.path), "exec")
        except SyntaxError:
            return None
        return None if text == self.module.code else text

    def difference(self, code: str) -> str:
        """The changed line as it was and as it is."""
        changed = [*difflib.ndiff(self.module.code.splitlines(), code.splitlines())]
        old, new = (" ".join(line[2:].strip() for line in changed if line[0] == sign) for sign in "-+")
        return f"`{old}` -> `{new}`"


def mutants_of(path: Path) -> list[Mutant]:
    """All faults of a file, in the order of the text.

    Args:
        path: the file.
    """
    wrapper = MetadataWrapper(cst.parse_module(path.read_text(encoding="utf-8")))
    visitor = _Visitor(path, wrapper.module)
    wrapper.visit(visitor)
    return visitor.found


class _Visitor(cst.CSTVisitor):
    METADATA_DEPENDENCIES = (PositionProvider,)

    def __init__(self, path: Path, module: cst.Module) -> None:
        super().__init__()
        self.path, self.module = path, module
        self.found: list[Mutant] = []
        self.statements: list[cst.CSTNode] = []
        self.names: set[int] = set()  # arguments that name a setting in a message

    def on_visit(self, node: cst.CSTNode) -> bool:
        if isinstance(node, _SILENT) or _is_text(node) or id(node) in self.names:
            return False
        if isinstance(node, cst.SimpleStatementLine | cst.BaseCompoundStatement):
            self.statements.append(node)
        if self.statements:
            start = self.get_metadata(PositionProvider, self.statements[-1]).start.line
            end = start if node is self.statements[-1] else self.get_metadata(PositionProvider, node).end.line
            for kind, after in _faults(node):
                self.found.append(Mutant(self.path, (start, end), kind, node, after, self.module))
        if isinstance(node, cst.Call) and _called(node) in _CHECKS:
            self.names.add(id(node.args[0]))
        return True

    def on_leave(self, original_node: cst.CSTNode) -> None:
        if self.statements and original_node is self.statements[-1]:
            self.statements.pop()


def _faults(node: cst.CSTNode) -> Iterator[tuple[str, cst.CSTNode]]:
    for type_, operator in mutation_operators:
        if isinstance(node, type_):
            kind = operator.__name__.removeprefix("operator_").replace("_", " ")
            yield from ((_KINDS.get(kind, kind), after) for after in operator(node) if not _only_text(node, after))
    match node:
        case cst.Expr(value=cst.Call()):
            yield "call left out", cst.Pass()
        case cst.Return(value=cst.BaseExpression()):
            yield "return None", node.with_changes(value=cst.Name("None"))
        case cst.If():
            test = node.test.with_changes(lpar=[cst.LeftParen()], rpar=[cst.RightParen()])
            yield "condition", node.with_changes(test=cst.UnaryOperation(cst.Not(), test))
        case cst.Call(func=cst.Attribute(attr=cst.Name("detach"))):
            yield "detach left out", node.func.value
        case cst.Attribute(attr=cst.Name(value=name)) if name in _TWINS:
            yield "sum for mean, and the like", node.with_changes(attr=cst.Name(_TWINS[name]))


def _called(node: cst.Call) -> str:
    name = node.func.attr if isinstance(node.func, cst.Attribute) else node.func
    return name.value if isinstance(name, cst.Name) else ""


def _is_text(node: cst.CSTNode) -> bool:
    """Whether a node is there for a reader: an error, a docstring, ``__all__``, an argument that is only shown."""
    match node:
        case cst.Call():
            return _called(node).endswith("Error") or _called(node) == "Unanswerable"
        case cst.Arg(keyword=cst.Name(value=name)):
            return name in _TEXTS
        case cst.Assign(targets=[cst.AssignTarget(target=cst.Name("__all__"))]):
            return True
        case cst.Expr(value=cst.SimpleString() | cst.ConcatenatedString()):
            return True
    return False


def _only_text(before: cst.CSTNode, after: cst.CSTNode) -> bool:
    """Whether a call changed only in an argument that is shown to a reader."""
    if not isinstance(before, cst.Call) or not isinstance(after, cst.Call):
        return False
    gone = [arg for arg in before.args if not any(arg is kept for kept in after.args)]
    shown = {id(arg) for arg in before.args if _is_text(arg)}
    shown |= {id(before.args[0])} if _called(before) in _CHECKS else set()
    return len(gone) == 1 and id(gone[0]) in shown
