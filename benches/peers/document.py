#!/usr/bin/env python3
"""Writes docs/benchmarks.md and its plots from the results that run.py has kept."""

import json
import pathlib
import statistics

from measure import KEPT, ROOT, log
from plot import plot

DOCUMENT = ROOT / "docs" / "benchmarks.md"
PLOTS = ROOT / "docs" / "benchmarks"

NAMES = {
    "subrosa": "**Subrosa**",
    "mosquitto": "mosquitto, QoS 1",
    "nats": "NATS JetStream",
    "prosody": "Prosody, archive",
    "openssh-aes256-gcm": "OpenSSH, aes256-gcm",
    "openssh-aes256-cbc-etm": "OpenSSH, aes256-cbc + hmac-sha2-256-etm",
    "socat-plain": "socat, no encryption",
    "socat-openssl": "socat, OpenSSL",
}
ORDER = list(NAMES)

# What a table shows: work, heading, what was done, and columns of label, name of the figure and digits.
TABLES = [
    (
        "messages",
        "Direct messages",
        "50 pairs, one of each writes to the other, 200 bytes, 16 under way (mosquitto's own client: 20).",
        [("server, µs for a delivery", "server_cpu_us", 1), ("messages/s", "messages_per_s", 0)],
    ),
    (
        "room",
        "A room of 100",
        "One writes 200 bytes, 99 receive.",
        [("server, µs for a delivery", "server_cpu_us", 2), ("messages/s", "messages_per_s", 0)],
    ),
    (
        "latency",
        "Latency at 200 messages a second",
        "20 pairs; from when a message was due to when it was received, in the same machine.",
        [("p50, ms", "latency_p50_ms", 2), ("p99, ms", "latency_p99_ms", 2), ("longest, ms", "latency_max_ms", 1)],
    ),
    (
        "login",
        "Logins",
        "Each on a connection of its own, with a whole handshake. Subrosa's are by password, with OPAQUE; the row below it is by device key.",
        [("server, µs for a login", "server_cpu_us", 0), ("from exec to ready, ms", "start_ms", 0)],
    ),
    (
        "idle",
        "Idle connections",
        "Logged in, following one conversation or topic, nothing happens. All answered at the end.",
        [("memory of each, kB", "kb_each", 1), ("server at start, MB", "server_start_mb", 1), ("with all of them, MB", "server_resident_mb", 1)],
    ),
    (
        "bulk",
        "Bulk bytes",
        "One connection over the loopback; processor time of both ends together.",
        [("MB/s", "mb_per_s", 0), ("processor, s for a GiB", "cpu_s_per_gib", 2)],
    ),
]

# Curves: work, file, title, axis, name of the figure, its label.
CURVES = [
    ("connections", "Memory for each idle connection", "connections", "kb_each", "kB"),
    ("connections", "Server's processor time to connect and log in", "connections", "connect_server_cpu_us", "µs"),
    ("members", "Server's processor time for a delivery in a room", "devices in the room", "server_cpu_us", "µs"),
    ("members", "Bytes of keys that open a session", "devices in the room", "key_bytes", "bytes"),
    ("members", "First message of a session, until everybody has it", "devices in the room", "first_message_ms", "ms"),
    ("stored-events", "Server's processor time for a delivery", "events stored before", "server_cpu_us", "µs"),
    ("stored-events", "Server's resident memory", "events stored before", "server_resident_mb", "MB"),
    ("message-size", "Server's processor time for a delivery", "bytes of a message", "server_cpu_us", "µs"),
]


def collected():
    """{(work, system, size): {figure: [a value for each run]}}, and the loads of the machine."""
    results, loads = {}, []
    for path in sorted((KEPT / "runs").glob("*/*.json")):
        result = json.loads(path.read_text())
        loads.append(result.get("load", 0.0))
        key = (result["work"], result["system"], result.get("size"))
        figures = results.setdefault(key, {})
        for name, value in derived(result).items():
            figures.setdefault(name, []).append(value)
    return results, loads


def derived(result):
    """Subrosa's login has two figures; the table wants one name for them."""
    figures = {name: value for name, value in result["figures"].items() if isinstance(value, (int, float))}
    if result["work"] == "login" and "password_server_cpu_us" in figures:
        figures["server_cpu_us"] = figures["password_server_cpu_us"]
    return figures


def shown(values, digits):
    """The median, and the range of several."""
    middle = f"{statistics.median(values):,.{digits}f}"
    if len(values) < 2:
        return middle
    return f"{middle} ({min(values):,.{digits}f}–{max(values):,.{digits}f})"


def table(results, work, columns):
    systems = sorted((system for at, system, size in results if at == work and size is None), key=ORDER.index)
    if not systems:
        return ["Not measured."]
    ours = results.get((work, "subrosa", None), {})
    lines = ["| | " + " | ".join(label for label, *_ in columns) + " | beside Subrosa | runs |"]
    lines.append("|---|" + "---:|" * (len(columns) + 2))
    main = columns[0][1]
    for system in systems:
        figures = results[(work, system, None)]
        cells = [shown(figures[name], digits) if name in figures else "" for _, name, digits in columns]
        ratio = ""
        if system != "subrosa" and main in ours and main in figures:
            ratio = f"{statistics.median(figures[main]) / statistics.median(ours[main]):.2f} ×"
        runs = max(len(values) for values in figures.values())
        lines.append(f"| {NAMES[system]} | " + " | ".join(cells) + f" | {ratio} | {runs} |")
        if work == "login" and "device_server_cpu_us" in figures:
            lines.append(f"| **Subrosa**, device key | {shown(figures['device_server_cpu_us'], 0)} | | | {runs} |")
    return lines


def curves(results):
    """Writes the plots; the lines that show them, by work."""
    PLOTS.mkdir(exist_ok=True)
    lines = []
    for work, title, axis, name, unit in CURVES:
        points = []
        for (at, system, size), figures in results.items():
            if at == work and system == "subrosa" and size is not None and name in figures:
                values = figures[name]
                points.append((size, min(values), statistics.median(values), max(values)))
        points.sort()
        if len(points) < 2:
            continue
        file = f"{work}-{name.replace('_', '-')}.svg"
        (PLOTS / file).write_text(plot(title, axis, unit, points))
        numbers = ", ".join(f"{size:,}: {middle:,.{0 if middle >= 1000 else 2}f}" for size, _, middle, _ in points)
        lines += [f"![{title}](benchmarks/{file})", "", f"{title}, {unit}, by {axis}: {numbers}.", ""]
    return lines


def head(about, results, loads):
    machine, versions = about["machine"], about["versions"]
    runs = len({path.parent.name for path in (KEPT / "runs").glob("*/*.json")})
    quick = json.loads((KEPT / "settings.json").read_text())["quick"]
    lines = [
        "# Benchmarks",
        "",
        "Written by `benches/peers/run.py` from its own results; not edited by hand. Every figure is a median, with the lowest and the highest of its runs.",
        "Peers and Subrosa were measured in turns in one go on one machine, over the loopback, with TLS, ssh or the own channel. Trust ratios and",
        "processor times; rates depend on what else the machine did.",
        "",
        f"{machine['cpu']}, {machine['cores']} cores, {machine['memory_mb']:,} MB, {machine['system']}, {machine['kernel']}; {about['measured']}; "
        f"{runs} {'run' if runs == 1 else 'runs'}; load of the machine during them {min(loads):.1f} to {max(loads):.1f}.",
        "",
        "| | version |",
        "|---|---|",
        *(f"| {name} | {version} |" for name, version in versions.items()),
        "",
        "Subrosa encrypts end to end and has a message on disk (fsync) before it acknowledges it. None of the peers does either here. Its limits for each device are lifted, as the peers have none;",
        "letters are sealed before the clock starts, and opened after it has stopped. What a load cannot verify as delivered gives no figure.",
        "NATS has its password in plain text, which makes its logins cheap; mosquitto has PBKDF2, Prosody SCRAM. Prosody is measured without rooms.",
        "",
    ]
    if quick:
        lines[2:2] = ["**Tiny numbers: these figures only show that the scripts work.**", ""]
    return lines


def main():
    results, loads = collected()
    if not results:
        raise SystemExit("nothing was kept: run benches/peers/run.py first")
    lines = head(json.loads((KEPT / "about.json").read_text()), results, loads)
    for work, title, done, columns in TABLES:
        lines += [f"## {title}", "", done, "", *table(results, work, columns), ""]
    drawn = curves(results)
    if drawn:
        lines += ["## Growth", "", "Subrosa alone.", "", *drawn]
    lines += [
        "## How to measure again",
        "",
        "```",
        "benches/peers/install        the peers, from Debian's packages; as root",
        "cargo build --release",
        "just peers                   five runs of everything, then this page",
        "subrosa bench --help         Subrosa alone, on any machine",
        "```",
    ]
    DOCUMENT.write_text("\n".join(lines) + "\n")
    log(f"written: {DOCUMENT.relative_to(ROOT)}")


if __name__ == "__main__":
    main()
