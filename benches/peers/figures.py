"""Pieces of work that are the same for every peer, and the figures that come of them."""

import time

from measure import still


def percentile(sorted_values, part):
    return sorted_values[min(len(sorted_values) - 1, int(len(sorted_values) * part))]


def latency(seconds):
    values = sorted(seconds)
    return {
        "latency_p50_ms": percentile(values, 0.50) * 1e3,
        "latency_p99_ms": percentile(values, 0.99) * 1e3,
        "latency_max_ms": values[-1] * 1e3,
    }


def logins(server, connect, count):
    """So many whole logins, each on a connection of its own."""
    before, begun = server.cpu(), time.monotonic()
    for number in range(count):
        connect(number).close()
    took, spent = time.monotonic() - begun, server.cpu() - before
    return {
        "verified_logins": count,
        "server_cpu_us": spent / count * 1e6,
        "logins_per_s": count / took,
        "start_ms": server.started_ms,
    }


def idle(server, connect, ping, count):
    """So many connections, each of which answers in the end."""
    empty = still(server.pids())
    open_ = [connect(number) for number in range(count)]
    full = still(server.pids())
    if not all(ping(line) for line in open_):
        raise RuntimeError("an idle connection does not answer")
    for line in open_:
        line.close()
    return {
        "verified_connections": count,
        "server_start_mb": empty / 1e6,
        "server_resident_mb": full / 1e6,
        "kb_each": (full - empty) / 1e3 / count,
    }


def deliveries(messages, copies, took, spent):
    return {
        "verified_messages": messages,
        "verified_deliveries": messages * copies,
        "wall_s": took,
        "messages_per_s": messages / took,
        "server_cpu_us": spent / (messages * copies) * 1e6,
    }
