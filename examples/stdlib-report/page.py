"""The report's page: one HTML file with its style and its charts inside."""

from html import escape

BARS = 16

STYLE = """
:root { color-scheme: light dark; --ink: #1d2430; --soft: #667085; --line: #e4e7ec; --paper: #fff; --ground: #f6f7f9;
  --bar: #3563e9; --bar2: #93b1ff; --warn: #b54708; }
@media (prefers-color-scheme: dark) { :root { --ink: #e6e9ef; --soft: #98a2b3; --line: #2b3240; --paper: #171b23; --ground: #0f1218;
  --bar: #6c8fff; --bar2: #33488c; --warn: #f5a25d; } }
* { box-sizing: border-box; }
body { margin: 0; background: var(--ground); color: var(--ink); font: 15px/1.5 system-ui, sans-serif; }
main { max-width: 1040px; margin: 0 auto; padding: 40px 24px 64px; }
h1 { font-size: 28px; margin: 0; letter-spacing: -.02em; }
h2 { font-size: 17px; margin: 0 0 4px; }
p.lead, p.note { color: var(--soft); margin: 4px 0 0; }
p.note { margin: 0 0 16px; font-size: 13px; }
.cards { display: grid; grid-template-columns: repeat(auto-fit, minmax(150px, 1fr)); gap: 12px; margin: 28px 0; }
.card, section { background: var(--paper); border: 1px solid var(--line); border-radius: 12px; }
.card { padding: 16px 18px; }
.card b { display: block; font-size: 26px; letter-spacing: -.02em; font-variant-numeric: tabular-nums; }
.card span { color: var(--soft); font-size: 13px; }
section { padding: 22px 24px; margin: 0 0 20px; overflow-x: auto; }
svg { display: block; width: 100%; height: auto; min-width: 620px; }
svg text { font: 12px system-ui, sans-serif; fill: var(--ink); }
svg .soft { fill: var(--soft); }
svg .bar { fill: var(--bar); }
svg .bar2 { fill: var(--bar2); }
svg .axis { stroke: var(--line); }
table { width: 100%; border-collapse: collapse; font-size: 14px; }
th { text-align: left; color: var(--soft); font-weight: 500; font-size: 12.5px; }
th, td { padding: 7px 10px 7px 0; border-bottom: 1px solid var(--line); vertical-align: top; }
tr:last-child td { border-bottom: 0; }
td.n, th.n { text-align: right; font-variant-numeric: tabular-nums; }
code { font: 12.5px ui-monospace, monospace; overflow-wrap: anywhere; }
.bad { color: var(--warn); }
footer { color: var(--soft); font-size: 13px; }
"""


def render(packages, totals, files, python):
    bad = [entry for p in packages for entry in p["bad"]]
    cards = [
        (totals["packages"], "packages"),
        (totals["files"], "files"),
        (totals["lines"], "lines"),
        (totals["functions"], "functions"),
        (totals["branches"], "branches"),
        (len(bad), "files do not parse"),
    ]
    return f"""<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Python {escape(python)}: the standard library in numbers</title>
<style>{STYLE}</style>
<main>
<h1>The standard library in numbers</h1>
<p class="lead">Python {escape(python)}, every source file parsed.</p>
<div class="cards">{"".join(f'<div class="card"><b>{value:,}</b><span>{label}</span></div>' for value, label in cards)}</div>
<section>
<h2>Lines by package</h2>
<p class="note">The {min(BARS, len(packages))} largest of {len(packages)} packages; the darker part lies in the files that were looked at one by one.</p>
{bar_chart(packages[:BARS], files)}
</section>
<section>
<h2>Branches and lines of the biggest files</h2>
<p class="note">Each dot is one of the {len(files)} files that were looked at one by one; the wider the dot, the larger its largest function.</p>
{dot_chart(files)}
</section>
<section>
<h2>The largest functions</h2>
<p class="note">The largest one of each package.</p>
{function_table(packages)}
</section>
{bad_section(bad)}
<footer>Made by the Fanfare flow <code>stdlib-report</code>.</footer>
</main>
</html>
"""


def bar_chart(packages, files):
    label, width, row = 190, 960, 26
    most = max((p["lines"] for p in packages), default=0) or 1
    scale = (width - label - 210) / most
    looked = {}
    for file in files:
        folder = file["name"].rpartition("/")[0] or "."
        looked[folder] = looked.get(folder, 0) + file["lines"]
    rows = []
    for i, p in enumerate(packages):
        y = i * row
        full, part = p["lines"] * scale, min(p["lines"], looked.get(p["name"], 0)) * scale
        rows.append(
            f'<text x="{label - 10}" y="{y + 16}" text-anchor="end">{escape(p["title"])}</text>'
            f'<rect class="bar2" x="{label}" y="{y + 4}" width="{full:.1f}" height="16" rx="3"><title>{p["lines"]:,} lines</title></rect>'
            f'<rect class="bar" x="{label}" y="{y + 4}" width="{part:.1f}" height="16" rx="3"/>'
            f'<text class="soft" x="{label + full + 8:.1f}" y="{y + 16}">{p["lines"]:,} lines, {p["functions"]:,} functions</text>'
        )
    return f'<svg viewBox="0 0 {width} {len(packages) * row + 4}" role="img" aria-label="Lines by package">{"".join(rows)}</svg>'


def dot_chart(files):
    if not files:
        return '<p class="note">No file was looked at.</p>'
    width, height, left, bottom = 960, 340, 56, 34
    most_lines = max(f["lines"] for f in files) or 1
    most_branches = max(f["branches"] for f in files) or 1
    x = lambda lines: left + lines / most_lines * (width - left - 40)
    y = lambda branches: height - bottom - branches / most_branches * (height - bottom - 24)
    parts = [f'<path class="axis" fill="none" d="M{left} 10V{height - bottom}H{width - 10}"/>']
    for tick in ticks(most_lines):
        parts.append(f'<text class="soft" x="{x(tick):.0f}" y="{height - 12}" text-anchor="middle">{tick:,}</text>')
    for tick in ticks(most_branches):
        parts.append(f'<text class="soft" x="{left - 8}" y="{y(tick) + 4:.0f}" text-anchor="end">{tick:,}</text>')
    parts.append(f'<text class="soft" x="{left + 6}" y="20">branches</text><text class="soft" x="{width - 12}" y="{height - bottom - 6}" text-anchor="end">lines</text>')
    labels = []
    for f in sorted(files, key=lambda f: -f["lines"] / most_lines - f["branches"] / most_branches):
        radius = 4 + (f["largest"]["lines"] if f["largest"] else 0) ** 0.5 / 2
        cx, cy = x(f["lines"]), y(f["branches"])
        parts.append(f'<circle class="bar" fill-opacity=".6" cx="{cx:.1f}" cy="{cy:.1f}" r="{radius:.1f}"><title>{escape(f["name"])}: {f["lines"]:,} lines, {f["branches"]:,} branches</title></circle>')
        free = all(abs(cx - other_x) > 220 or abs(cy - other_y) > 16 for other_x, other_y in labels)
        if free and len(labels) < 7:
            labels.append((cx, cy))
            anchor, shift = ("end", -radius - 4) if cx > width * 0.75 else ("start", radius + 4)
            parts.append(f'<text x="{cx + shift:.1f}" y="{cy + 4:.1f}" text-anchor="{anchor}">{escape(f["name"])}</text>')
    return f'<svg viewBox="0 0 {width} {height}" role="img" aria-label="Branches and lines of the biggest files">{"".join(parts)}</svg>'


def ticks(most):
    """About four round numbers up to the given one."""
    size = 10 ** (len(str(most)) - 1)
    step = next(s for s in (size // 5, size // 2, size, size * 2, size * 5) if s and most / s <= 5)
    return range(step, most + 1, step)


def function_table(packages):
    largest = sorted((p["largest"] for p in packages if p["largest"]), key=lambda f: -f["lines"])[:12]
    rows = "".join(
        f'<tr><td><code>{escape(f["name"])}</code></td><td><code>{escape(f["file"])}:{f["line"]}</code></td>'
        f'<td class="n">{f["lines"]:,}</td><td class="n">{f["branches"]:,}</td></tr>'
        for f in largest
    )
    return f'<table><tr><th>function</th><th>where</th><th class="n">lines</th><th class="n">branches</th></tr>{rows}</table>'


def bad_section(bad):
    if not bad:
        return ""
    rows = "".join(f'<tr><td><code>{escape(b["file"])}</code></td><td class="bad">{escape(b["why"])}</td></tr>' for b in bad)
    return f"""<section>
<h2>Files that do not parse</h2>
<p class="note">Their packages failed the strict step, were caught, and counted again without these files.</p>
<table><tr><th>file</th><th>why</th></tr>{rows}</table>
</section>"""
