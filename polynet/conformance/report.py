"""What a run of the suite has found: gathered from the rows, shown as text, written as JSON, HTML, Markdown or a badge.

A report is a dict that JSON can hold; ``gather`` says what is in it.  Nothing is run here.
"""

from __future__ import annotations

import html
import json
import os
import platform
import time
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from polynet.conformance import memory
from polynet.errors import FileError

FORMAT = 1
COUNTED = ("passed", "failed", "blocked", "deviates")
"""What a check may come to; ``skipped`` says that there was nothing to check."""

Report = dict[str, Any]


# ------------------------------------------------------------------------------------ in each process


def facts(backend: Any, whole: bool) -> dict[str, Any]:
    """What is said of a run beside its rows, by the process that runs them.

    Args:
        backend: the backend that is checked.
        whole: were all rows of the tier asked for?
    """
    import numpy

    import polynet
    from polynet import plugins
    from polynet.conformance import blocking, engine, interface
    from polynet.conformance.trial import has_double, has_dtype
    from polynet.dtypes import ALL

    info = plugins.info(backend.name)
    left = blocking.missing(backend)
    first = blocking.to_write(left[0]) if left else ""
    for outcome in engine.run(interface.SUBJECT, interface.Part("arrays"), backend):
        if outcome.status == "failed":  # nothing else can be tried without
            reason = outcome.message.partition("\n")[0]
            first = f"dtypes, tensor_types, asarray and to_numpy. {reason}"
    return {
        "backend": backend.name,
        "versions": {
            "polynet": polynet.__version__,
            info.library: backend.library_version(),
            "NumPy": numpy.__version__,
            "Python": platform.python_version(),
        },
        "machine": f"{platform.system()} {platform.machine()}, {os.cpu_count()} cores",
        "float64": "" if has_double(backend) else str(backend.explain_dtype("float64")),
        "dtypes": [dtype for dtype in ALL if not has_dtype(backend, dtype)],
        "missing": left,
        "next": first,
        "whole": whole,
    }


def entry(row: Any, outcomes: Iterable[Any], facts: Mapping[str, Any]) -> dict[str, Any]:
    """What the report of one test carries: only what JSON can hold."""
    outcomes = list(outcomes)
    return {
        "row": outcomes[0].row if outcomes else "",
        "name": row.name,
        "checks": {outcome.check: outcome.status for outcome in outcomes},
        "messages": {
            outcome.check: outcome.message
            for outcome in outcomes
            if outcome.status not in ("passed", "skipped")
        },
        "seconds": round(sum(outcome.seconds for outcome in outcomes), 4),
        "errors": _largest(outcome.errors for outcome in outcomes),
        "facts": dict(facts),
        "process": os.getpid(),
        "processor": round(time.process_time(), 1),
        "memory": memory.peak(),
    }


def _largest(found: Iterable[Mapping[str, float]]) -> dict[str, float]:
    most: dict[str, float] = {}
    for each in found:
        for dtype, error in each.items():
            most[dtype] = max(most.get(dtype, 0.0), error)
    return most


# ------------------------------------------------------------------------------------ gathering


def gather(entries: Sequence[Mapping[str, Any]], tier: str, sample: int, seconds: float) -> Report:
    """The report of a run, from what came of its rows.

    Args:
        entries: one for each row; see ``entry``.
        tier: which checks were made.
        sample: one row in so many was.
        seconds: how long the run took.
    """
    first = entries[0]["facts"]
    counts: Counter[str] = Counter()
    errors: dict[str, dict[str, float]] = {}
    rows: dict[str, Any] = {}
    processor: dict[int, float] = {}
    for each in entries:
        processor[each["process"]] = max(processor.get(each["process"], 0.0), each["processor"])
    for each in sorted(entries, key=lambda each: str(each["row"])):
        counts.update(each["checks"].values())
        subject = str(each["row"]).partition("/")[0]
        if each["errors"]:
            name = f"{subject}/{each['name']}"
            errors[name] = _largest([errors.get(name, {}), each["errors"]])
        rows[each["row"]] = {
            "name": each["name"],
            "checks": dict(each["checks"]),
            "messages": dict(each["messages"]),
            "seconds": each["seconds"],
        }
    return {
        "format": FORMAT,
        **{key: first[key] for key in ("backend", "versions", "machine", "float64")},
        **{key: first[key] for key in ("dtypes", "missing", "next")},
        "tier": tier,
        "sample": sample,
        "whole": all(each["facts"]["whole"] for each in entries),
        "seconds": round(seconds, 1),
        "processor": round(sum(processor.values()), 1),
        "processes": len(processor),
        "memory": max(each["memory"] for each in entries),
        "counts": {status: counts[status] for status in (*COUNTED, "skipped")},
        "errors": errors,
        "rows": rows,
    }


def badge(report: Report) -> str:
    """One line about a run.

    Example:
        >>> badge({"tier": "full", "sample": 1, "whole": True, "counts": {"passed": 4812}})
        'polynet full: 4,812 of 4,812'
    """
    counts = report["counts"]
    total = sum(counts.get(status, 0) for status in COUNTED)
    part = f" (1 row in {report['sample']})" if report["sample"] > 1 else ""
    part = part or ("" if report["whole"] else " (a part)")
    deviating = counts.get("deviates", 0)
    known = f", {deviating:,} known deviation{'s' * (deviating > 1)}" if deviating else ""
    return f"polynet {report['tier']}{part}: {counts['passed']:,} of {total:,}{known}"


# ------------------------------------------------------------------------------------ tables

_SYMBOLS = {"failed": "F", "blocked": "b", "deviates": "d"}


def table(report: Report) -> tuple[list[str], dict[str, dict[str, Counter[str]]]]:
    """The checks in the order of the rows, and how often each came to what, for each public name."""
    checks: dict[str, None] = {}
    names: dict[str, dict[str, Counter[str]]] = {}
    for row, found in report["rows"].items():
        name = f"{row.partition('/')[0]}/{found['name']}"
        cells = names.setdefault(name, {})
        for check, status in found["checks"].items():
            checks[check] = None
            cells.setdefault(check, Counter())[status] += 1
    return list(checks), names


def _cell(counts: Counter[str]) -> str:
    """``"5"``: passed by five rows; ``"3/5"``: by three of them; ``"3/5 b"``: blocked in the others."""
    total = sum(counts[status] for status in COUNTED)
    if not total:
        return "-"
    bad = "".join(symbol for status, symbol in _SYMBOLS.items() if counts[status])
    return f"{counts['passed']}/{total} {bad}" if bad else f"{total}"


def _sums(report: Report) -> tuple[list[str], list[list[str]]]:
    """A table of the checks of each subject."""
    totals: dict[tuple[str, str], Counter[str]] = {}
    rows: Counter[str] = Counter()
    for row, found in report["rows"].items():
        subject = row.partition("/")[0]
        rows[subject] += 1
        for check, status in found["checks"].items():
            for key in ((subject, check), (subject, "")):
                totals.setdefault(key, Counter())[status] += 1
    lines = []
    for (subject, check), counts in sorted(totals.items(), key=lambda each: (each[0][0],)):
        if check and not sum(counts[status] for status in COUNTED):
            continue
        name = f"  {check}" if check else f"{subject} ({rows[subject]:,} rows)"
        lines.append((subject, check != "", [name, *(f"{counts[s]:,}" for s in COUNTED)]))
    lines.sort(key=lambda line: line[:2])
    return ["", *COUNTED], [line[2] for line in lines]


def _troubled(report: Report) -> tuple[list[str], list[list[str]]]:
    """A table of the names of which any check did not pass, op by check."""
    checks, names = table(report)
    bad = {
        name: cells
        for name, cells in names.items()
        if any(
            counts[status]
            for check, counts in cells.items()
            for status in _SYMBOLS
            if check != "written"  # one line says what is not
        )
    }
    shown = [check for check in checks if any(check in cells for cells in bad.values())]
    lines = [
        [name, *(_cell(cells[check]) if check in cells else "-" for check in shown)]
        for name, cells in bad.items()
    ]
    return ["", *shown], lines


def _aligned(head: Sequence[str], lines: Sequence[Sequence[str]]) -> list[str]:
    widths = [max(len(line[i]) for line in (head, *lines)) for i in range(len(head))]
    return [
        "  ".join(
            cell.ljust(width) if i == 0 else cell.rjust(width)
            for i, (cell, width) in enumerate(zip(line, widths, strict=True))
        ).rstrip()
        for line in (head, *lines)
    ]


def _markdown(head: Sequence[str], lines: Sequence[Sequence[str]]) -> list[str]:
    def line(cells: Sequence[str]) -> str:
        return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"

    return [line(head), line(["---"] * len(head)), *map(line, lines)]


def about(report: Report) -> list[str]:
    """Lines on what was run, with what, and how long it took."""
    versions = ", ".join(f"{name} {version}" for name, version in report["versions"].items())
    rows = f"{len(report['rows']):,} rows"
    if report["sample"] > 1:
        rows += f", 1 in {report['sample']} of those that are not the first of their name"
    processes = f"{report['processes']} process{'es' * (report['processes'] > 1)}"
    lines = [
        f"{versions}; {report['machine']}",
        f"tier {report['tier']}, {rows}, {report['seconds']:,.0f} s in {processes} "
        f"({report['processor']:,.0f} s of processor time), at most {report['memory']:,.0f} MB each",
    ]
    if report["dtypes"]:
        lines.append(f"rows were skipped that need one of {', '.join(report['dtypes'])}")
    if report["float64"]:
        lines.append(f"without float64, and so without most gradients: {report['float64']}")
    return lines


def largest_errors(report: Report, most: int = 3) -> dict[str, list[tuple[str, float]]]:
    """For each dtype the names with the largest errors."""
    found: dict[str, list[tuple[str, float]]] = {}
    for name, by_dtype in report["errors"].items():
        for dtype, error in by_dtype.items():
            if error:
                found.setdefault(dtype, []).append((name, error))
    return {
        dtype: sorted(each, key=lambda pair: -pair[1])[:most]
        for dtype, each in sorted(found.items())
    }


# ------------------------------------------------------------------------------------ as text


def as_text(report: Report) -> list[str]:
    """The lines that a run ends with."""
    lines = [*about(report), "", *_aligned(*_sums(report))]
    head, troubled = _troubled(report)
    if troubled:
        lines += ["", "passed of all, by name (F failed, b blocked, d a known deviation):"]
        lines += _aligned(head, troubled)
    blockers = Counter(
        message
        for row in report["rows"].values()
        for message in row["messages"].values()
        if message.startswith("blocked by ")
    )
    if blockers:
        lines += ["", *(f"{text}: {count:,}" for text, count in blockers.most_common(12))]
        if len(blockers) > 12:
            lines.append(f"... and by {len(blockers) - 12} others")
    worst = largest_errors(report)
    if worst:
        lines += ["", "largest errors (absolute below 1, relative above):"]
        for dtype, pairs in worst.items():
            lines.append(f"  {dtype}: " + ", ".join(f"{name} {error:.1e}" for name, error in pairs))
    if report["next"]:
        lines += ["", f"{len(report['missing'])} primitives are not written."]
        lines.append(f"next: write {report['next']}")
    return [*lines, "", badge(report)]


# ------------------------------------------------------------------------------------ as files


def write(report: Report, path: str | Path) -> None:
    """Write a report to a file: JSON, HTML, Markdown, or SVG, a badge, by its name's ending."""
    makers = {".json": as_json, ".html": as_html, ".md": as_markdown, ".svg": as_svg}
    path = Path(path)
    if path.suffix not in makers:
        raise FileError(f"{path}: expected a name that ends in {', '.join(makers)}.")
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(makers[path.suffix](report), "utf-8")


def read(path: str | Path) -> Report:
    """The report in a JSON file."""
    try:
        report: Report = json.loads(Path(path).read_text("utf-8"))
    except (OSError, ValueError) as error:
        raise FileError(f"{path}: {error}") from None
    if not isinstance(report, dict) or report.get("format") != FORMAT:
        raise FileError(
            f"{path}: expected a report that --polynet-report wrote, of format {FORMAT}."
        )
    return report


def as_json(report: Report) -> str:
    """The whole report."""
    return json.dumps(report, indent=1) + "\n"


def as_markdown(report: Report) -> str:
    """A page with the tables, and the messages of what failed."""
    lines = [f"# {badge(report)}", "", f"Backend `{report['backend']}`.", ""]
    lines += [f"- {line}" for line in about(report)]
    lines += ["", *_markdown(*_sums(report))]
    head, troubled = _troubled(report)
    if troubled:
        lines += ["", "Passed of all, by name (F failed, b blocked, d a known deviation):", ""]
        lines += _markdown(head, troubled)
    if report["next"]:
        lines += ["", f"Next: write `{report['next']}`"]
    worst = largest_errors(report, 10)
    if worst:
        lines += ["", "Largest errors, absolute below 1, relative above:", ""]
        lines += _markdown(
            ["dtype", "name", "error"],
            [
                [d, f"`{name}`", f"{error:.1e}"]
                for d, pairs in worst.items()
                for name, error in pairs
            ],
        )
    for title, status in (("Failures", "failed"), ("Known deviations", "deviates")):
        found = messages(report, status)
        if found:
            lines += ["", f"## {title}"]
            for name, text in found.items():
                lines += ["", f"### `{name}`", "", "```", text, "```"]
    return "\n".join(lines) + "\n"


def messages(report: Report, status: str) -> dict[str, str]:
    """What is said of the checks that came to this, by their ids."""
    return {
        f"{row}::{check}": found["messages"].get(check, "")
        for row, found in report["rows"].items()
        for check, status_of in found["checks"].items()
        if status_of == status
    }


_STYLE = """\
body { font: 14px/1.4 system-ui, sans-serif; margin: 2em; color: #222; }
table { border-collapse: collapse; margin: 1em 0; }
th, td { padding: 2px 8px; border-bottom: 1px solid #ddd; text-align: right; white-space: nowrap; }
th:first-child, td:first-child { text-align: left; position: sticky; left: 0; background: #fff; }
thead th { position: sticky; top: 0; background: #fff; }
.passed { background: #e3f4e3; } .failed { background: #f7c9c9; } .blocked { background: #fdebc8; }
.deviates { background: #dfe6fa; } .none { color: #aaa; }
pre { background: #f6f6f6; padding: 8px; overflow-x: auto; }
"""


def as_html(report: Report) -> str:
    """A page that stands by itself: every name by every check, and the messages of what failed."""
    checks, names = table(report)
    escape = html.escape
    parts = [
        "<!doctype html><html lang='en'><head><meta charset='utf-8'>",
        f"<title>{escape(badge(report))}</title><style>{_STYLE}</style></head><body>",
        f"<h1>{escape(badge(report))}</h1><p>Backend <b>{escape(report['backend'])}</b>.</p>",
        "".join(f"<p>{escape(line)}</p>" for line in about(report)),
    ]
    if report["next"]:
        parts.append(f"<p>Next: write <code>{escape(report['next'])}</code></p>")
    head = "".join(f"<th>{escape(check)}</th>" for check in checks)
    parts.append(f"<table><thead><tr><th></th>{head}<th>largest errors</th></tr></thead><tbody>")
    for name, cells in names.items():
        line = [f"<td>{escape(name)}</td>"]
        for check in checks:
            counts = cells.get(check, Counter())
            kind = next((s for s in (*_SYMBOLS, "passed") if counts[s]), "none")
            line.append(f"<td class='{kind}'>{escape(_cell(counts))}</td>")
        found = report["errors"].get(name, {})
        worst = ", ".join(f"{dtype} {error:.1e}" for dtype, error in found.items())
        parts.append(f"<tr>{''.join(line)}<td>{escape(worst)}</td></tr>")
    parts.append("</tbody></table>")
    for title, status in (("Failures", "failed"), ("Known deviations", "deviates")):
        for number, (name, text) in enumerate(messages(report, status).items()):
            if not number:
                parts.append(f"<h2>{title}</h2>")
            parts.append(f"<h3>{escape(name)}</h3><pre>{escape(text)}</pre>")
    return "\n".join([*parts, "</body></html>"]) + "\n"


def as_svg(report: Report) -> str:
    """A badge: the line of ``badge`` in two colours."""
    label, _, value = badge(report).partition(": ")
    good = not report["counts"]["failed"] and not report["counts"]["blocked"]
    left, right = 12 + 6.6 * len(label), 12 + 6.6 * len(value)
    text = "font-family='Verdana,sans-serif' font-size='11' fill='#fff' text-anchor='middle'"
    return (
        f"<svg xmlns='http://www.w3.org/2000/svg' width='{left + right:.0f}' height='20' role='img'>"
        f"<title>{html.escape(label)}: {html.escape(value)}</title>"
        f"<rect width='{left:.0f}' height='20' fill='#555'/>"
        f"<rect x='{left:.0f}' width='{right:.0f}' height='20' fill='{'#2e8b3d' if good else '#c0392b'}'/>"
        f"<text x='{left / 2:.0f}' y='14' {text}>{html.escape(label)}</text>"
        f"<text x='{left + right / 2:.0f}' y='14' {text}>{html.escape(value)}</text></svg>\n"
    )


# ------------------------------------------------------------------------------------ differences


def difference(one: Report, other: Report) -> list[str]:
    """Lines on what differs between two runs: checks that came to something else, rows that only one has.

    Example:
        >>> rows = {"ops/a": {"checks": {"values": "passed"}}}
        >>> report = {"tier": "core", "sample": 1, "whole": True, "counts": {"passed": 1}, "errors": {}, "rows": rows}
        >>> difference(report, report)
        []
    """
    lines: list[str] = []
    groups: dict[tuple[str, str], list[str]] = {}
    before, after = _statuses(one), _statuses(other)
    for name in sorted(before.keys() | after.keys()):
        was, now = before.get(name, "absent"), after.get(name, "absent")
        if was != now:
            groups.setdefault((was, now), []).append(name)
    order = ("failed", "blocked", "deviates", "absent", "skipped", "passed")
    for was, now in sorted(groups, key=lambda pair: (order.index(pair[1]), order.index(pair[0]))):
        lines.append(f"{was} -> {now}: {len(groups[was, now]):,}")
        lines += [f"    {name}" for name in groups[was, now]]
    for name, by_dtype in sorted(other["errors"].items()):
        for dtype, error in by_dtype.items():
            was_error = one["errors"].get(name, {}).get(dtype)
            if was_error is not None and error > max(10 * was_error, 1e-15):
                lines.append(
                    f"the error of {name} in {dtype} grew from {was_error:.1e} to {error:.1e}"
                )
    return lines


def is_worse(one: Report, other: Report) -> bool:
    """Has a check failed, or been blocked, in the second run that did not in the first?

    Example:
        >>> is_worse({"rows": {}}, {"rows": {"ops/a": {"checks": {"values": "failed"}}}})
        True
    """
    before, bad = _statuses(one), ("failed", "blocked")
    return any(
        status in bad and before.get(name) not in bad for name, status in _statuses(other).items()
    )


def _statuses(report: Report) -> dict[str, str]:
    return {
        f"{row}::{check}": status
        for row, found in report["rows"].items()
        for check, status in found["checks"].items()
    }
