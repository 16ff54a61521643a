"""Give every error of ppgen its code, and list them all in ``docs/errors.md``.

    python docs/build_errors.py --number    a code for each place that raises an error and has none, then the list
    python docs/build_errors.py             the list alone

A code is a letter for the class of the error and three digits: the next that no place ever had. The entries are read
from the source, and go to ``ppgen/errors.json``, which ``ppgen explain`` reads, and to the page. An entry whose place
is gone stays in the table, marked as retired, so that an older version's text can still be looked up and no code comes
again. ``tests/test_errors.py`` holds source, table and page together.
"""

from __future__ import annotations

import ast
import collections
import json
import re
import subprocess
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

from ppgen import errors

__all__ = ["LETTERS", "PAGE", "TABLE", "Site", "find_sites", "number", "page", "read_table", "table", "template"]

ROOT = Path(__file__).resolve().parents[1]
TABLE, PAGE = Path("ppgen/errors.json"), Path("docs/errors.md")
FOLDERS = ("ppgen", "models", "guides")  # the links ppgen/models and ppgen/guides are not followed
LETTERS = {
    "DeclarationError": "M",  # of a model or guide
    "DataError": "D",
    "SettingError": "S",
    "DivergenceError": "N",  # not finite
    "CheckpointError": "C",
    "Unanswerable": "U",
}
PARTS = ("what", "expected", "got", "fix")

Entry = dict[str, Any]
Places = tuple[ast.FunctionDef | ast.ClassDef, ...]


class Site(NamedTuple):
    """A place that makes an error: its file from the root, and what it stands in there, functions from the outside."""

    file: str
    call: ast.Call
    within: Places

    @property
    def code(self) -> str | None:
        """The code that is written there."""
        found = [word.value for word in self.call.keywords if word.arg == "code"]
        return str(ast.literal_eval(found[0])) if found else None

    def words(self) -> dict[str, str]:
        """The template of each part of the text; a part that is a variable has the forms that are assigned to it."""
        given = {word.arg: word.value for word in self.call.keywords if word.arg in PARTS}
        given |= {"what": self.call.args[0]} if self.call.args else {}
        return {part: " / ".join(map(template, self._forms(given[part]))) for part in PARTS if part in given}

    def _forms(self, value: ast.expr) -> list[ast.expr]:
        if not (isinstance(value, ast.Name) and self.within):
            return [value]
        places = [node for node in ast.walk(self.within[-1]) if isinstance(node, ast.Assign)]
        return [place.value for place in places if ast.unparse(place.targets[0]) == value.id] or [value]


def find_sites(root: Path) -> list[Site]:
    """Every place below ``root`` that makes an error, in the order of files and lines."""
    found = []
    for path in (path for folder in FOLDERS for path in sorted((root / folder).rglob("*.py"))):
        file, tree = path.relative_to(root).as_posix(), ast.parse(path.read_text(encoding="utf-8"))
        found += sorted((Site(file, *pair) for pair in _calls(tree)), key=lambda site: site.call.lineno)
    return found


def _calls(node: ast.AST, within: Places = ()) -> Iterator[tuple[ast.Call, Places]]:
    """The calls below ``node`` that make an error, each with the classes and functions that it stands in."""
    if isinstance(node, ast.FunctionDef | ast.ClassDef):
        within = (*within, node)
    if isinstance(node, ast.Call) and _class_of(node) in LETTERS:
        yield node, within
    for child in ast.iter_child_nodes(node):
        yield from _calls(child, within)


def _class_of(call: ast.Call) -> str:
    return ast.unparse(call.func).rpartition(".")[-1]


def number(root: Path, taken: Iterable[str]) -> list[str]:
    """Write a code to each place below ``root`` that has none, but none of ``taken``; return the new codes."""
    sites = find_sites(root)
    if odd := [
        f"{site.file}: {site.code}" for site in sites if site.code and not re.fullmatch(r"[A-Z]\d{3}", site.code)
    ]:
        raise SystemExit(f"no codes: {', '.join(odd)}; leave code= out, and one is given")
    used = {*taken, *(site.code for site in sites if site.code)}
    last = {letter: max([0, *(int(code[1:]) for code in used if code[0] == letter)]) for letter in LETTERS.values()}
    new: dict[str, list[tuple[ast.Call, str]]] = collections.defaultdict(list)
    for site in sites:
        if site.code is None:
            letter = LETTERS[_class_of(site.call)]
            last[letter] += 1
            new[site.file].append((site.call, f"{letter}{last[letter]:03d}"))
    for file, calls in new.items():
        data = (root / file).read_bytes()
        places = sorted(((_insertion(data, call), code) for call, code in calls), reverse=True)
        for place, code in places:  # from the end, so that earlier ones stay where they are
            data = data[:place] + f', code="{code}"'.encode() + data[place:]
        (root / file).write_bytes(data)
    if new:
        subprocess.run([sys.executable, "-m", "ruff", "format", "--quiet", *new], cwd=root, check=True)
    return [code for calls in new.values() for _, code in calls]


def _insertion(data: bytes, call: ast.Call) -> int:
    """Where in a file's bytes a further keyword of ``call`` goes: behind its last argument, parentheses included."""
    lines = [0, *(match.end() for match in re.finditer(rb"\n", data))]
    ends = [lines[(node.end_lineno or 0) - 1] + (node.end_col_offset or 0) for node in (*call.args, *call.keywords)]
    close = lines[(call.end_lineno or 0) - 1] + (call.end_col_offset or 0) - 1
    return max(ends) + data[max(ends) : close].rfind(b")") + 1


def template(node: ast.expr) -> str:
    """The text that an expression makes, with ``{name}`` where a value is filled in, and all choices it has.

    Example:
        >>> template(ast.parse("f'{where}: {len(rows)} rows'", mode="eval").body)
        '{where}: {number of rows} rows'
    """
    match node:
        case ast.Constant(value):
            return str(value)
        case ast.JoinedStr(values):
            return "".join(map(template, values))
        case ast.FormattedValue(value=ast.IfExp() | ast.JoinedStr() | ast.Constant() as value):
            return template(value)
        case ast.BinOp(left, ast.Add(), right):
            return template(left) + template(right)
        case ast.IfExp(body=body, orelse=orelse):
            return " / ".join(text for text in (template(body), template(orelse)) if text not in ("", "None"))
        case ast.BoolOp(ast.Or(), values):
            return " / ".join(map(template, values))
        case ast.FormattedValue(value=ast.BinOp(left, ast.Div(), ast.Constant(name))):  # of a path
            return f"{{{_noun(left)}}}/{name}"
        case ast.FormattedValue(value=value):
            return f"{{{_noun(value)}}}"
    return f"{{{_noun(node)}}}"


def _noun(node: ast.expr) -> str:
    """What to call a value that is filled in: the name of what it is made of."""
    match node:
        case ast.Attribute(ast.Call(ast.Name("type"), [kind]), "__name__"):
            return f"type of {_noun(kind)}"
        case ast.Name(name) | ast.Attribute(attr=name):
            return name.strip("_").lower() if name.isupper() else name.strip("_")
        case ast.Call(ast.Name("len"), [value]):
            return f"number of {_noun(value)}"
        case ast.Call(ast.Attribute(value, "removesuffix" | "removeprefix")) | ast.Call(_, [*_, value]):
            return _noun(value)
        case ast.Call(ast.Attribute(value)) | ast.Call(value) | ast.Subscript(value) | ast.Starred(value):
            return _noun(value)
        case ast.GeneratorExp(generators=[first, *_]) | ast.ListComp(generators=[first, *_]):
            return _noun(first.iter)
        case ast.BoolOp(values=values):
            return " or ".join(map(_noun, values))
        case ast.Constant(value):
            return str(value)
    return ast.unparse(node)


def table(root: Path, before: dict[str, Entry]) -> dict[str, Entry]:
    """The entries of all codes below ``root``, and those of ``before`` whose place is gone, in order."""
    live: dict[str, Entry] = {}
    for site in find_sites(root):
        if site.code is not None:
            function = ".".join(node.name for node in site.within)
            live[site.code] = {"class": _class_of(site.call), "file": site.file, "function": function, **site.words()}
    retired = {code: {**entry, "retired": True} for code, entry in before.items() if code not in live}
    return dict(sorted({**live, **retired}.items()))


def page(known: dict[str, Entry], root: Path) -> str:
    """The page of the documentation that lists the entries, by room and code."""
    rooms: dict[str, list[str]] = collections.defaultdict(list)
    for code, entry in known.items():
        rooms["" if entry.get("retired") else _room(entry["file"])].append(code)
    gone = rooms.pop("", [])
    about = {kind: _sentence(getattr(errors, kind).__doc__) for kind in LETTERS}
    lines = [
        "# Errors\n",
        "An error of ppgen says what is wrong, what was expected, what was got and how to mend it; its last line names",
        "its code, which is `error.code` in Python. Below is the text of each: words in braces stand for what is put",
        "in, and a stroke separates the forms that a text has. `ppgen explain CODE` prints an entry. A code belongs to",
        "one place of the source, and never to another. This page is written by `make errors`.\n",
        "| letter | class, of `ppgen.errors` | |\n|---|---|---|",
        *(f"| {letter} | `{kind}` | {about[kind]} |" for kind, letter in LETTERS.items()),
    ]
    for room in sorted(rooms):
        head = ast.get_docstring(ast.parse((root / room).read_text(encoding="utf-8")))
        name = room.removesuffix("/__init__.py").removesuffix(".py").replace("/", ".")
        lines += [f"\n## {name if name.startswith('ppgen') else f'ppgen.{name}'}\n", _sentence(head)]
        for code in rooms[room]:
            entry = known[code]
            lines += [f"\n### {code}\n", f"`{entry['class']}`, raised by `{entry['function']}` in `{entry['file']}`\n"]
            lines += ["```text", _text(entry), "```"]
    if gone:
        lines += ["\n## Retired\n", f"No longer raised: {', '.join(gone)}. `ppgen explain` still knows them."]
    return "\n".join(lines) + "\n"


def _room(file: str) -> str:
    """The file whose docstring says what a room is: of a folder, or of a file that is a room of its own."""
    folder = file.split("/")[:-1][:2]
    return file if folder == ["ppgen"] else "/".join([*folder, "__init__.py"])


def _sentence(text: str | None) -> str:
    """The first paragraph of a docstring, on one line and in Markdown's quotes."""
    return re.sub(r":\w+:`~?([^`]*)`", r"`\1`", " ".join((text or "").split("\n\n")[0].split()).replace("``", "`"))


def _text(entry: Entry) -> str:
    """An entry as the error prints it."""
    return str(errors.PpgenError(**{part: entry[part] for part in PARTS if part in entry}))


def read_table(root: Path) -> dict[str, Entry]:
    """The table as it is committed; empty where there is none yet."""
    file = root / TABLE
    known: dict[str, Entry] = json.loads(file.read_text(encoding="utf-8")) if file.exists() else {}
    return known


if __name__ == "__main__":
    if sys.argv[1:] not in ([], ["--number"]):
        sys.exit(__doc__)
    before = read_table(ROOT)
    if sys.argv[1:]:
        print("numbered:", ", ".join(number(ROOT, [*before])) or "nothing")
    known = table(ROOT, before)
    (ROOT / TABLE).write_text(json.dumps(known, indent=1) + "\n", encoding="utf-8")
    (ROOT / PAGE).write_text(page(known, ROOT), encoding="utf-8")
    print(f"{PAGE}: {sum('retired' not in entry for entry in known.values())} errors")
