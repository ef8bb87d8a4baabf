"""Curves as SVG: sizes on a logarithmic axis, costs from zero."""

import math
from xml.sax.saxutils import escape

WIDTH, HEIGHT = 640, 320
LEFT, RIGHT, TOP, BOTTOM = 70, 20, 40, 50


def nice(top):
    """A round step for about four lines up to the top."""
    raw = top / 4 or 1
    power = 10 ** math.floor(math.log10(raw))
    return next(step * power for step in (1, 2, 2.5, 5, 10) if step * power >= raw)


def short(value):
    for unit, size in (("M", 1_000_000), ("k", 1_000)):
        if value >= size:
            return f"{value / size:g}{unit}"
    return f"{value:g}"


def text(x, y, said, anchor="middle", more=""):
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}"{more}>{escape(said)}</text>'


def plot(title, x_label, y_label, points):
    """One curve through (size, low, middle, high); low and high are drawn as a band."""
    sizes = [max(size, 1) for size, *_ in points]
    first, last = math.log10(min(sizes)), math.log10(max(sizes))
    step = nice(max(high for *_, high in points) * 1.05)
    top = step * math.ceil(max(high for *_, high in points) * 1.05 / step)

    def x(size):
        part = 0.5 if first == last else (math.log10(max(size, 1)) - first) / (last - first)
        return LEFT + part * (WIDTH - LEFT - RIGHT)

    def y(value):
        return HEIGHT - BOTTOM - value / top * (HEIGHT - TOP - BOTTOM)

    out = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" font-family="sans-serif" font-size="12">',
        f'<rect width="{WIDTH}" height="{HEIGHT}" fill="#fff"/>',
        text(LEFT, 22, title, "start", ' font-size="14" font-weight="bold"'),
    ]
    for line in range(round(top / step) + 1):
        at = y(line * step)
        out.append(f'<path d="M{LEFT} {at:.1f}H{WIDTH - RIGHT}" stroke="#ddd"/>')
        out.append(text(LEFT - 8, at + 4, short(line * step), "end"))
    for size, *_ in points:
        out.append(text(x(size), HEIGHT - BOTTOM + 18, short(size)))
    out.append(text((LEFT + WIDTH - RIGHT) / 2, HEIGHT - 10, x_label))
    out.append(text(0, 0, y_label, "middle", f' transform="translate(16 {(TOP + HEIGHT - BOTTOM) / 2:.1f}) rotate(-90)"'))
    upper = [f"{x(size):.1f} {y(high):.1f}" for size, _, _, high in points]
    lower = [f"{x(size):.1f} {y(low):.1f}" for size, low, _, _ in reversed(points)]
    middle = [f"{x(size):.1f} {y(mid):.1f}" for size, _, mid, _ in points]
    out.append(f'<path d="M{"L".join(upper + lower)}Z" fill="#2563a8" fill-opacity="0.15"/>')
    out.append(f'<path d="M{"L".join(middle)}" fill="none" stroke="#2563a8" stroke-width="2"/>')
    for size, _, mid, _ in points:
        out.append(f'<circle cx="{x(size):.1f}" cy="{y(mid):.1f}" r="3" fill="#2563a8"/>')
    return "\n".join([*out, "</svg>"]) + "\n"
