#!/usr/bin/env python3
"""Answers every message that begins with "!echo". Usage: echo_bot.py [SOCKET]

With the path of a home's socket (`subrosa agent` prints it) it speaks to whoever owns the home; without one it
starts `subrosa agent --stdio`. The protocol is docs/spec/rpc.md; `subrosa agent --schema` lists the methods.
It writes down the last message it has dealt with, so that it misses none while it is not running.
"""

import collections
import json
import os
import socket
import subprocess
import sys

STATE = os.environ.get("ECHO_STATE", "echo_bot.cursor")


class Account:
    def __init__(self, path):
        if path:
            stream = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
            stream.connect(path)
            self.lines, self.asking = stream.makefile("r", encoding="utf-8"), stream.makefile("w", encoding="utf-8")
        else:
            pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "encoding": "utf-8"}
            agent = subprocess.Popen(["subrosa", "agent", "--stdio"], **pipes)
            self.lines, self.asking = agent.stdout, agent.stdin
        self.notices = collections.deque()

    def ask(self, method, params, **more):
        """One request, and its result; notices that come before it are kept."""
        self.asking.write(json.dumps({"jsonrpc": "2.0", "id": 1, "method": method, "params": params, **more}) + "\n")
        self.asking.flush()
        for line in self.lines:
            said = json.loads(line)
            if "error" in said:
                sys.exit(f"echo_bot: {said['error']['message']}")
            if "result" in said:
                return said["result"]
            self.notices.append(said["params"])
        sys.exit("echo_bot: the owner of the home has ended; start again to go on")

    def next_notice(self):
        return self.notices.popleft() if self.notices else json.loads(next(self.lines))["params"]


def main():
    account = Account(sys.argv[1] if len(sys.argv) > 1 else None)
    account.ask("subscribe", {"since": int(open(STATE).read()) if os.path.exists(STATE) else None})
    print("listening", flush=True)
    while row := account.next_notice():
        if row["notice"] != "row":
            continue
        if row["kind"] == "text" and not row["own"] and row["text"].startswith("!echo "):
            # The caller names this answer for ever: asked again after a kill, it is not sent twice.
            answer = {"conversation": row["conversation"], "id": row["id"], "act": {"reply": {"text": row["text"][6:]}}}
            account.ask("act_on", answer, caller="echo/" + row["id"])
        with open(STATE + ".new", "w") as state:
            state.write(str(row["cursor"]))
        os.replace(STATE + ".new", STATE)


if __name__ == "__main__":
    main()
