"""Learning curves as an SVG picture, drawn by hand so that nothing has to be installed."""

WIDTH, HEIGHT, LEFT, TOP, GAP = 640, 240, 60, 30, 40
COLOURS = ("#1f6feb", "#d1242f", "#1a7f37", "#8250df", "#9a6700", "#57606a")


def _panel(title, series, top):
    """Lines {name: [(epoch, value)]} in a frame, with their last values beside the names."""
    values = [v for line in series.values() for _, v in line]
    epochs = [e for line in series.values() for e, _ in line]
    low, high, last = min(values), max(values), max(*epochs, 2)
    room = (high - low) * 0.05 or 1
    low, high = low - room, high + room

    def place(epoch, value):
        x = LEFT + (epoch - 1) / (last - 1) * (WIDTH - LEFT - 190)
        return f"{x:.1f},{top + (high - value) / (high - low) * HEIGHT:.1f}"

    yield f'<text x="{LEFT}" y="{top - 8}" font-weight="bold">{title}</text>'
    for i in range(5):
        value = low + (high - low) * i / 4
        y = top + HEIGHT - HEIGHT * i / 4
        yield f'<path d="M{LEFT} {y:.1f}H{WIDTH - 190}" stroke="#d0d7de"/>'
        yield f'<text x="{LEFT - 6}" y="{y + 4:.1f}" text-anchor="end">{value:.3g}</text>'
    for i, (name, line) in enumerate(series.items()):
        colour = COLOURS[i % len(COLOURS)]
        points = " ".join(place(*point) for point in line)
        yield f'<polyline points="{points}" fill="none" stroke="{colour}" stroke-width="2"/>'
        yield (f'<text x="{WIDTH - 180}" y="{top + 14 + 18 * i}" fill="{colour}">{name} '
               f"{line[-1][1]:.4g}</text>")
    yield f'<text x="{LEFT}" y="{top + HEIGHT + 16}">epoch 1 to {max(epochs)}</text>'


def draw(path, log):
    """log: [{"epoch", "loss", "held_out_loss", "accuracy": {attribute: percent}}] of a training."""
    loss = {"training": [(e["epoch"], e["loss"]) for e in log],
            "held out": [(e["epoch"], e["held_out_loss"]) for e in log]}
    right = {name: [(e["epoch"], e["accuracy"][name]) for e in log] for name in log[0]["accuracy"]}
    second = TOP + HEIGHT + GAP + 20
    lines = [*_panel("loss", loss, TOP), *_panel("right of held-out pictures, %", right, second)]
    with open(path, "w", encoding="utf-8") as file:
        file.write(f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" '
                   f'height="{second + HEIGHT + GAP}" font-family="sans-serif" font-size="13">\n'
                   '<rect width="100%" height="100%" fill="white"/>\n'
                   + "\n".join(lines) + "\n</svg>\n")
