"""Faults of processes, disks and the network, at random moments that a seed decides beforehand."""
import collections
import heapq
import time

Kind = collections.namedtuple("Kind", "name scope every lasts")  # seconds; scopes exclude each other on one host
Fault = collections.namedtuple("Fault", "begin end kind host value")

PROCESS_KINDS = [Kind("replica killed", "process", 12, (0, 5)), Kind("replica stopped", "process", 25, None),
                 Kind("server killed", "process", 25, (0, 3)), Kind("server restarted", "process", 40, (0, 1))]
NETWORK_KINDS = [Kind("loss", "loss", 8, (0, 0)), Kind("limit", "limit", 20, (5, 15)), Kind("link down", "link", 12, (1, 8)),
                 Kind("disk full", "process", 40, (4, 10))]


def first_free(taken, begin, lasts):
    """The earliest moment from `begin` on at which nothing is taken for so long."""
    for taken_from, taken_until in sorted(taken):
        if begin < taken_until and begin + lasts > taken_from:
            begin = taken_until
    return begin


def plan(rng, seconds, kinds, replicas, full_disk, stopped_for):
    """Every kind at least once if there are `seconds` enough; sorted by their begin. `full_disk`: the replica with a disk of its own."""
    faults, taken = [], collections.defaultdict(list)
    for kind in sorted(kinds):
        begin = rng.uniform(1, min(kind.every, seconds / 3))
        while begin < seconds:
            host = {"disk full": full_disk, "server killed": "s", "server restarted": "s"}.get(kind.name) or rng.choice(replicas)
            if kind.name == "link down" and rng.random() < 0.1:
                host = "s"
            lasts = rng.uniform(*(kind.lasts or (stopped_for, stopped_for)))
            value = {"loss": rng.choice([0, 1, 2, 5, 10, 20]), "limit": rng.choice([300, 600, 1000, 2000])}.get(kind.name)
            moment = first_free(taken[kind.scope, host], begin, lasts + 1)
            if moment < seconds:
                faults.append(Fault(moment, min(moment + lasts, seconds), kind.name, host, value))
                taken[kind.scope, host].append((moment, moment + lasts + 1))
            begin += rng.uniform(0.5, 1.5) * kind.every
    return sorted(faults, key=lambda fault: fault.begin)


class Faults:
    """Carries a plan out. `site` has two methods for each kind, begin_… and end_…, given host and value."""

    def __init__(self, faults, site):
        self.counts, self._site, self._due = collections.Counter(), site, []
        for number, fault in enumerate(faults):
            heapq.heappush(self._due, (fault.begin, number, "begin", fault))
            heapq.heappush(self._due, (fault.end, number, "end", fault))

    def run(self, meanwhile):
        """Until the last fault has ended; `meanwhile` is called between them, ten times a second."""
        started = time.monotonic()
        while self._due:
            meanwhile()
            time.sleep(max(0, min(0.1, self._due[0][0] - (time.monotonic() - started))))
            while self._due and self._due[0][0] <= time.monotonic() - started:
                moment, _, step, fault = heapq.heappop(self._due)
                getattr(self._site, f"{step}_{fault.kind.replace(' ', '_')}")(fault.host, fault.value)
                print(f"{moment:7.1f} s  {step} {fault.kind} {fault.host}{'' if fault.value is None else f' {fault.value}'}", flush=True)
                self.counts[fault.kind] += step == "begin"
