"""Tables as text, Markdown, LaTeX and HTML."""

from __future__ import annotations

import html
import re
import textwrap
from collections.abc import Sequence

from ppgen.evaluation.layout import Block, Cell, Row
from ppgen.evaluation.metric import Column
from ppgen.evaluation.remarks import Remark

__all__ = ["to_html", "to_latex", "to_markdown", "to_text"]

_WIDTH = 118
_ARROWS = {"higher": "↑", "lower": "↓", "": ""}


def to_text(blocks: Sequence[Block], remarks: Sequence[Remark]) -> str:
    """Aligned columns for a terminal of 120 characters, units in the header, footnotes below.

    Args:
        blocks: the tables.
        remarks: what stands below them.
    """
    parts = [_text_block(block) for block in blocks]
    for remark in remarks:
        lines = [line for text in remark.lines for line in textwrap.wrap(text, _WIDTH - 2, subsequent_indent="    ")]
        parts.append("\n".join([*textwrap.wrap(remark.title, _WIDTH), *(f"  {line}" for line in lines)]))
    return "\n\n".join(parts)


def _text_block(block: Block) -> str:
    first = max((len(row.name) for row in block.rows), default=0)
    columns = [_aligned([row.cells[place] for row in block.rows]) for place in range(len(block.columns))]
    heads = [(f"{column.title} {_ARROWS[column.better]}".strip(), column.unit) for column in block.columns]
    widths = [max(map(len, [*head, *cells])) for head, cells in zip(heads, columns, strict=True)]
    lines = [block.title]
    if block.columns:
        lines += [_line("", first, labels, widths) for labels in zip(*heads, strict=True) if any(labels)]
        length = first + sum(width + 3 for width in widths)
        cells = zip(*columns, strict=True)
        rows = [_line(row.name, first, parts, widths) for row, parts in zip(block.rows, cells, strict=True)]
        lines += ["─" * length, *_ruled(block, rows, "╌" * length), "─" * length]
    for note in block.footnotes:
        lines += textwrap.wrap(note, _WIDTH - 2, initial_indent="  ", subsequent_indent="    ")
    return "\n".join(lines)


def _ruled(block: Block, rows: Sequence[str], rule: str) -> list[str]:
    """Rows in print, with a rule between models and baselines."""
    models = sum(not row.baseline for row in block.rows)
    return [*rows[:models], *([rule] if models < len(rows) else []), *rows[models:]]


def _line(name: str, first: int, cells: Sequence[str], widths: Sequence[int]) -> str:
    padded = (f"   {cell:>{width}}" for cell, width in zip(cells, widths, strict=True))
    return (f"{name:<{first}}" + "".join(padded)).rstrip()


def _aligned(cells: Sequence[Cell]) -> list[str]:
    """The cells of a column as text, their decimal points one below the other."""
    numbers = [cell for cell in cells if cell.is_number]
    value, mark, error, after = (
        max((len(getattr(cell, part)) for cell in numbers), default=0) for part in ("value", "mark", "error", "after")
    )
    lines = []
    for cell in cells:
        text = f"{cell.mark:>{mark}} " if mark else ""
        text += f"{cell.value:>{value}}"
        if error:
            text += f" ± {cell.error:>{error}}" if cell.error else " " * (error + 3)
        if after:
            text += f" {cell.after:<{after}}"
        lines.append(text if cell.is_number else _plain(cell))
    return lines


def to_markdown(blocks: Sequence[Block], remarks: Sequence[Remark]) -> str:
    """GitHub's Markdown tables, with the footnotes as lists.

    Args:
        blocks: the tables.
        remarks: what stands below them.
    """
    parts = []
    for block in blocks:
        lines = [f"**{_escape_markdown(block.title)}**", ""]
        if block.columns:
            heads = [_escape_markdown(_head(column)) for column in block.columns]
            lines += ["| " + " | ".join([block.rows_are, *heads]) + " |", "|:--" + "|--:" * len(heads) + "|"]
            for row in block.rows:
                name, *cells = map(_escape_markdown, [row.name, *map(_plain, row.cells)])
                lines.append("| " + " | ".join([f"*{name}*" if row.baseline else name, *cells]) + " |")
            lines.append("")
        parts.append([*lines, *_bullets(block.footnotes)])
    parts += [[f"**{_escape_markdown(remark.title)}**", "", *_bullets(remark.lines)] for remark in remarks]
    return "\n\n".join("\n".join(part) for part in parts) + "\n"


def _bullets(lines: Sequence[str]) -> list[str]:
    return [f"- {_escape_markdown(line)}" for line in lines]


def to_latex(blocks: Sequence[Block], remarks: Sequence[Remark]) -> str:
    r"""``tabular`` environments for ``booktabs``, with footnotes as lists; for UTF-8 input, any engine.

    Args:
        blocks: the tables.
        remarks: what stands below them.
    """
    parts = [["% needs \\usepackage{booktabs}"]]
    for block in blocks:
        lines = [f"\\paragraph{{{_escape_latex(block.title)}}}"]
        if block.columns:
            heads = [_escape_latex(_head(column)) for column in block.columns]
            lines += ["\\par\\noindent", f"\\begin{{tabular}}{{l{'r' * len(heads)}}}", "\\toprule"]
            lines += [" & ".join([block.rows_are, *heads]) + " \\\\", "\\midrule"]
            rows = [" & ".join([_latex_name(row), *map(_latex_cell, row.cells)]) + " \\\\" for row in block.rows]
            lines += [*_ruled(block, rows, "\\midrule"), "\\bottomrule", "\\end{tabular}"]
        parts.append([*lines, *_itemize(block.footnotes)])
    parts += [[f"\\paragraph{{{_escape_latex(remark.title)}}}", *_itemize(remark.lines)] for remark in remarks]
    return "\n\n".join("\n".join(part) for part in parts) + "\n"


def to_html(blocks: Sequence[Block], remarks: Sequence[Remark]) -> str:
    """Plain HTML tables, with the footnotes as lists: what a notebook shows, in the notebook's own style.

    Args:
        blocks: the tables.
        remarks: what stands below them.
    """
    parts = []
    for block in blocks:
        head = f"<p><strong>{html.escape(block.title)}</strong></p>"
        body = ""
        if block.columns:
            heads = "".join(f"<th {_RIGHT}>{html.escape(_head(column))}</th>" for column in block.columns)
            rows = "".join(map(_html_row, block.rows))
            body = f"<table><thead><tr><th></th>{heads}</tr></thead><tbody>{rows}</tbody></table>"
        parts.append(head + body + _html_list(block.footnotes))
    parts += [f"<p><strong>{html.escape(remark.title)}</strong></p>{_html_list(remark.lines)}" for remark in remarks]
    return f"<div>{''.join(parts)}</div>"


_RIGHT = 'style="text-align: right"'


def _html_row(row: Row) -> str:
    name = html.escape(row.name)
    cells = "".join(f"<td {_RIGHT}>{html.escape(_plain(cell))}</td>" for cell in row.cells)
    return f'<tr><th scope="row">{f"<em>{name}</em>" if row.baseline else name}</th>{cells}</tr>'


def _html_list(lines: Sequence[str]) -> str:
    return f"<ul>{''.join(f'<li>{html.escape(line)}</li>' for line in lines)}</ul>" if lines else ""


def _head(column: Column) -> str:
    return " ".join(filter(None, (column.title, column.unit and f"[{column.unit}]", _ARROWS[column.better])))


def _plain(cell: Cell) -> str:
    error, note = f"± {cell.error}" if cell.error else "", f"[{cell.note}]" if cell.note is not None else ""
    return " ".join(part for part in (cell.mark, cell.value, error, cell.after, note) if part)


def _latex_name(row: Row) -> str:
    name = _escape_latex(row.name)
    return f"\\emph{{{name}}}" if row.baseline else name


def _latex_cell(cell: Cell) -> str:
    if not cell.is_number:
        return _escape_latex(_plain(cell))
    mark = {"lower bound": "\\geq ", "upper bound": "\\leq ", "": ""}[cell.bound]
    error = f" \\pm {cell.error}" if cell.error else ""
    return f"${mark}{cell.value}{error}$" + (f" {_escape_latex(cell.after)}" if cell.after else "")


def _itemize(lines: Sequence[str]) -> list[str]:
    items = [f"  \\item {_escape_latex(line)}" for line in lines]
    return ["\\begin{itemize}", *items, "\\end{itemize}"] if items else []


_LATEX = {
    "\\": "\\textbackslash{}", "{": "\\{", "}": "\\}", "$": "\\$", "&": "\\&", "#": "\\#", "%": "\\%", "_": "\\_",
    "^": "\\textasciicircum{}", "~": "\\textasciitilde{}", "|": "$|$", "<": "$<$", ">": "$>$", "±": "$\\pm$",
    "≥": "$\\geq$", "≤": "$\\leq$", "−": "$-$", "↑": "$\\uparrow$", "↓": "$\\downarrow$", "²": "$^2$", "—": "---",
    "[": "{[}", "]": "{]}", "*": "{*}",  # after a line's \\\\ these would be read as its arguments
}  # fmt: skip


def _escape_latex(text: str) -> str:
    return re.sub("|".join(map(re.escape, _LATEX)), lambda match: _LATEX[match.group()], text)


def _escape_markdown(text: str) -> str:
    return re.sub(r"([\\`*_\[\]<>|$~]|&(?=#?\w+;))", r"\\\1", text)
