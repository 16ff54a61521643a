"""Tables as text, Markdown and LaTeX."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Sequence

from ppgen.evaluation.layout import Block, Cell, Remark
from ppgen.evaluation.scorecard import Metric

__all__ = ["to_latex", "to_markdown", "to_text"]

_WIDTH = 118


def to_text(blocks: Sequence[Block], remarks: Sequence[Remark]) -> str:
    """Aligned columns for a terminal of 120 characters, units in the header, footnotes below."""
    parts = [_text_block(block) for block in blocks]
    for remark in remarks:
        lines = [line for text in remark.lines for line in textwrap.wrap(text, _WIDTH - 2, subsequent_indent="    ")]
        parts.append("\n".join([*textwrap.wrap(remark.title, _WIDTH), *(f"  {line}" for line in lines)]))
    return "\n\n".join(parts)


def _text_block(block: Block) -> str:
    names = [row.name for row in block.rows]
    first = max((len(name) for name in names), default=0)
    columns = [_aligned([row.cells[place] for row in block.rows]) for place in range(len(block.columns))]
    heads = [(f"{metric.title} {metric.better}".strip(), metric.unit) for metric in block.columns]
    widths = [
        max(len(head), len(unit), *(len(cell) for cell in column))
        for (head, unit), column in zip(heads, columns, strict=True)
    ]
    lines = [block.title]
    if block.columns:
        for labels in zip(*heads, strict=True):
            if any(labels):
                lines.append(_line("", first, labels, widths))
        rule = "─" * (first + sum(width + 3 for width in widths))
        lines.append(rule)
        for place, row in enumerate(block.rows):
            if row.baseline and not block.rows[place - 1].baseline:
                lines.append("╌" * len(rule))
            lines.append(_line(row.name, first, [column[place] for column in columns], widths))
        lines.append(rule)
    footnotes = [*block.notes, *(f"[{number}] {reason}" for number, reason in enumerate(block.refusals, start=1))]
    for note in footnotes:
        lines += textwrap.wrap(note, _WIDTH - 2, initial_indent="  ", subsequent_indent="    ")
    return "\n".join(lines)


def _line(name: str, first: int, cells: Sequence[str], widths: Sequence[int]) -> str:
    padded = (f"   {cell:>{width}}" for cell, width in zip(cells, widths, strict=True))
    return (f"{name:<{first}}" + "".join(padded)).rstrip()


def _aligned(cells: Sequence[Cell]) -> list[str]:
    """The cells of a column as text, their decimal points one below the other."""
    shown = [cell for cell in cells if cell.note is None and cell.value]
    value = max((len(cell.value) for cell in shown), default=0)
    mark = max((len(cell.mark) for cell in shown), default=0)
    error = max((len(cell.error) for cell in shown), default=0)
    after = max((len(cell.after) for cell in shown), default=0)
    lines = []
    for cell in cells:
        if cell.note is not None:
            lines.append(f"{cell.value} [{cell.note}]")
            continue
        text = f"{cell.mark:>{mark}} " if mark else ""
        text += f"{cell.value:>{value}}"
        if error:
            text += f" ± {cell.error:>{error}}" if cell.error else " " * (error + 3)
        if after:
            text += f" {cell.after:<{after}}"
        lines.append(text if cell.value else "")
    return lines


def to_markdown(blocks: Sequence[Block], remarks: Sequence[Remark]) -> str:
    """GitHub's Markdown tables, with the footnotes as lists."""
    parts = []
    for block in blocks:
        lines = [f"**{_escape_markdown(block.title)}**", ""]
        if block.columns:
            heads = [_head(metric) for metric in block.columns]
            lines += ["| " + " | ".join(["model", *heads]) + " |", "|:--" + "|--:" * len(heads) + "|"]
            for row in block.rows:
                name = _escape_markdown(row.name)
                cells = [_escape_markdown(_plain(cell)) for cell in row.cells]
                lines.append("| " + " | ".join([f"*{name}*" if row.baseline else name, *cells]) + " |")
            lines.append("")
        lines += [f"- {_escape_markdown(note)}" for note in block.notes]
        lines += [f"- \\[{number}\\] {_escape_markdown(reason)}" for number, reason in enumerate(block.refusals, 1)]
        parts.append("\n".join(lines))
    for remark in remarks:
        lines = [f"- {_escape_markdown(line)}" for line in remark.lines]
        parts.append("\n".join([f"**{_escape_markdown(remark.title)}**", "", *lines]))
    return "\n\n".join(parts) + "\n"


def to_latex(blocks: Sequence[Block], remarks: Sequence[Remark]) -> str:
    r"""``tabular`` environments for ``booktabs``, with footnotes as lists; for UTF-8 input, any engine."""
    parts = ["% needs \\usepackage{booktabs}"]
    for block in blocks:
        lines = [f"\\paragraph{{{_escape_latex(block.title)}}}"]
        if block.columns:
            heads = [_escape_latex(_head(metric)) for metric in block.columns]
            lines += [
                "\\par\\noindent",
                f"\\begin{{tabular}}{{l{'r' * len(heads)}}}",
                "\\toprule",
                " & ".join(["model", *heads]) + " \\\\",
                "\\midrule",
            ]
            for place, row in enumerate(block.rows):
                if row.baseline and place and not block.rows[place - 1].baseline:
                    lines.append("\\midrule")
                name = _escape_latex(row.name)
                cells = [_latex_cell(cell) for cell in row.cells]
                lines.append(" & ".join([f"\\emph{{{name}}}" if row.baseline else name, *cells]) + " \\\\")
            lines += ["\\bottomrule", "\\end{tabular}"]
        footnotes = [*block.notes, *(f"[{number}] {reason}" for number, reason in enumerate(block.refusals, 1))]
        parts.append("\n".join([*lines, *_itemize(footnotes)]))
    for remark in remarks:
        parts.append("\n".join([f"\\paragraph{{{_escape_latex(remark.title)}}}", *_itemize(remark.lines)]))
    return "\n\n".join(parts) + "\n"


def _head(metric: Metric) -> str:
    return " ".join(part for part in (metric.title, f"[{metric.unit}]" if metric.unit else "", metric.better) if part)


def _plain(cell: Cell) -> str:
    if cell.note is not None:
        return f"{cell.value} [{cell.note}]"
    return " ".join(
        part for part in (cell.mark, cell.value, f"± {cell.error}" if cell.error else "", cell.after) if part
    )


def _latex_cell(cell: Cell) -> str:
    if cell.note is not None or not cell.value:
        return _escape_latex(_plain(cell)) if cell.value else ""
    mark = {"≥": "\\geq ", "≤": "\\leq "}.get(cell.mark, "")
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
    return re.sub(r"([\\`*_\[\]<>|$~])", r"\\\1", text)
