"""The processes of the demo: started, watched, and never left behind."""
import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time

BIN = os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "build", "release", "bin")


class DemoFailed(Exception):
    """A proof that did not hold, or a step that did not happen in time."""


def say(text):
    print(f"\033[1m==>\033[0m {text}" if sys.stdout.isatty() else f"==> {text}", flush=True)


def free_ports(count, kind=socket.SOCK_STREAM):
    sockets = [socket.socket(socket.AF_INET, kind) for _ in range(count)]
    for each in sockets:
        each.bind(("127.0.0.1", 0))
    ports = [each.getsockname()[1] for each in sockets]
    for each in sockets:
        each.close()
    return ports


def wait_until(condition, seconds, what):
    """The condition's first true value."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        value = condition()
        if value:
            return value
        time.sleep(0.05)
    raise DemoFailed(f"not within {seconds} s: {what}")


class Process:
    """A program of ours in the background; its output goes into a log beside its data."""

    def __init__(self, name, arguments, log):
        self.name, self.log, self.lines = name, log, []
        self.handle = subprocess.Popen([os.path.join(BIN, arguments[0]), *arguments[1:]], stdout=subprocess.PIPE, stderr=open(log, "ab"),
                                       stdin=subprocess.DEVNULL, text=True, start_new_session=True)
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self):
        for line in self.handle.stdout:
            self.lines.append(line.rstrip("\n"))

    def wait_for_line(self, beginning, seconds):
        def found():
            if self.handle.poll() is not None and not any(line.startswith(beginning) for line in self.lines):
                raise DemoFailed(f"{self.name} ended with exit code {self.handle.returncode}; its last words: {self.last_words()}")
            return next((line for line in self.lines if line.startswith(beginning)), None)
        return wait_until(found, seconds, f"{self.name} says '{beginning}' (its log: {self.log}; last words: {self.last_words()})")

    def last_words(self):
        with open(self.log, errors="replace") as log:
            return " | ".join(log.read().splitlines()[-3:]) or "none"

    def kill_hard(self):
        self.handle.kill()
        self.handle.wait()

    def stop(self):
        if self.handle.poll() is None:
            self.handle.send_signal(signal.SIGTERM)
            try:
                self.handle.wait(5)
            except subprocess.TimeoutExpired:
                self.kill_hard()

    def memory_peak(self):
        """Largest resident size so far, in bytes; 0 when it is gone."""
        try:
            with open(f"/proc/{self.handle.pid}/status") as status:
                return next(int(line.split()[1]) * 1024 for line in status if line.startswith("VmHWM"))
        except (OSError, StopIteration):
            return 0


def run(arguments, seconds=60, check=True):
    """One of our programs, to its end; (exit code, stdout, stderr)."""
    done = subprocess.run([os.path.join(BIN, arguments[0]), *arguments[1:]], capture_output=True, text=True, timeout=seconds, stdin=subprocess.DEVNULL)
    if check and done.returncode != 0:
        raise DemoFailed(f"`{' '.join(arguments)}` ended with {done.returncode}: {done.stderr.strip() or done.stdout.strip()}")
    return done.returncode, done.stdout, done.stderr


def run_json(arguments, seconds=60):
    return json.loads(run(arguments, seconds)[1])
