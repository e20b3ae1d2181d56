"""Runs the Python program and the fleet on the same data, checks that both give the same answers, and only then says how
much longer and how much more of everything the Python program needed. Exit 1: the answers differ, or the fleet misses a
target (TARGETS) against the faster way of the Python program.

Both sides get every file of the data set over HTTP from one server on this machine, and write what they found of every
contract to a redis-server. Measured of each: wall time (the fleet's: from the frozen manifest to the sealed scan, its
workers already up), processor time of the workers (user and system), and the most memory that all its processes, its
redis-server and nats-server too, held together at one time (class Memory). The Python program is run with and without
compressed bodies, with and without hiredis, each several times and in turn with the fleet; medians count, and of the Python
program's ways the smaller figure. Every process is ended by its id.
"""

import argparse
import csv
import io
import json
import os
import re
import shutil
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from datetime import datetime
from pathlib import Path

EXPECTED = {"contracts": 399_960, "survivors": 209_132, "iv_sum": 100_275.929657, "charts": 4_200, "chains": 2_000}
# The most contracts that have bars of their own: the 20 most traded of each of the 200 underlyings.
HISTORIES = 4_000
# Of the sum of the volatilities: a ten-millionth.
IV_SUM = 0.01
# Two programs that compute the same thing in other orders differ by less than this part of a value …
RELATIVE = 1e-6
# … and this much more, for values next to 0: far below the smallest of each in the data (gamma 2e-7, theta 3e-7,
# vega 6e-7, rho 3e-4, delta 2e-3).
FLOORS = {
    "iv": 1e-9,
    "delta": 1e-9,
    "gamma": 1e-12,
    "theta_per_day": 1e-11,
    "vega_per_point": 1e-11,
    "rho_per_point": 1e-9,
    "score": 1e-9,
}
# Prices of bars are kept in ten-thousandths of a dollar here, which the indicators of a contract worth ten cents feel:
# rounding the data set's closes like that moves their part of a score by at most 0.0023.
SCORE_WITH_HISTORY = 0.005
# So many times as much of each the Python program must need, at its best; and more memory.
TARGETS = {"wall time": 8.0, "processor time of the workers": 12.0}
HERE = Path(__file__).resolve().parent
TICK = os.sysconf("SC_CLK_TCK")


def free_port():
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        return held.getsockname()[1]


def wait_until(what, is_so, limit=60.0):
    end = time.monotonic() + limit
    while not is_so():
        if time.monotonic() > end:
            raise SystemExit(f"bench: waited {limit:.0f} s for {what}")
        time.sleep(0.02)


def answers(port):
    with socket.socket() as asking:
        return asking.connect_ex(("127.0.0.1", port)) == 0


def cpu_seconds(pid):
    fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / TICK


class Processes:
    """Everything that was started, ended by its id whatever happens; and its folders."""

    def __init__(self):
        self.started, self.folders = [], []

    def folder(self, prefix):
        self.folders.append(Path(tempfile.mkdtemp(prefix=prefix)))
        return self.folders[-1]

    def start(self, line, **options):
        process = subprocess.Popen([str(word) for word in line], **options)
        self.started.append(process)
        return process

    def end(self, *processes):
        for process in processes or reversed(self.started):
            if process.poll() is None:
                process.send_signal(signal.SIGTERM)
                try:
                    process.wait(10)
                except subprocess.TimeoutExpired:
                    process.kill()
                    process.wait()
        if not processes:
            for folder in self.folders:
                shutil.rmtree(folder, ignore_errors=True)


class Memory:
    """The most that all processes of some trees held together.

    Every 50 ms (less often where looking would take more than a twentieth of a processor), the proportional set size of
    each, Pss in /proc/PID/smaps_rollup, is read, one right after the other, and added up; the largest sum counts. Pss is
    what a process has in memory, a page that n processes share counting one n-th in each: what children share with their
    parent is counted once. What is also shared with processes of neither side counts in part (of the Python program its
    interpreter, with the server of the data). What is held only between two looks is missed, on either side.
    """

    PAUSE, SHARE = 0.05, 0.05

    def __init__(self, *roots):
        self.roots, self.most, self.failure = list(roots), 0, None
        self.over, self.thread = threading.Event(), threading.Thread(target=self.watch)

    def watch(self):
        try:
            ended = False
            while not ended:
                took = -time.thread_time()
                self.look()
                took += time.thread_time()
                ended = self.over.wait(max(self.PAUSE, took / self.SHARE))
            self.look()
        except Exception as failure:
            self.failure = failure

    def look(self):
        # All are found before the first is read, so that they are read close together.
        self.most = max(self.most, sum(self.held(pid) for pid in self.family()))

    def family(self):
        found, waiting = [], list(self.roots)
        while waiting:
            pid = waiting.pop()
            found.append(pid)
            for children in Path(f"/proc/{pid}/task").glob("*/children"):
                try:
                    waiting += [int(child) for child in children.read_text().split()]
                except (FileNotFoundError, ProcessLookupError):
                    continue
        return found

    @staticmethod
    def held(pid):
        """Kilobytes; 0 of one that ended. What cannot be read for another reason ends the bench."""
        try:
            pss = re.search(r"^Pss:\s+(\d+) kB", Path(f"/proc/{pid}/smaps_rollup").read_text(), re.MULTILINE)
        except (FileNotFoundError, ProcessLookupError):
            return 0
        return int(pss.group(1)) if pss else 0

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.over.set()
        self.thread.join()

    def megabytes(self):
        if self.failure or not self.most:
            raise SystemExit(f"bench: the memory of the processes cannot be read: {self.failure or 'no Pss'}")
        return self.most / 1024


class Peer:
    """The Python program in each of its ways, with a new redis-server for each run."""

    WAYS = tuple((environment, packed) for environment in ("plain", "hiredis") for packed in (True, False))

    def __init__(self, args, processes, http):
        self.args, self.processes, self.http, self.port = args, processes, http, free_port()
        self.folder, self.redis = processes.folder("peer-redis-"), None

    def rest(self):
        """Ends its redis-server: while the fleet runs, it would share pages with the fleet's."""
        if self.redis:
            self.processes.end(self.redis)

    def run(self, environment, packed):
        """Wall seconds, processor seconds and megabytes of one run. What it wrote is there until the next, or rest()."""
        self.rest()
        line = ["redis-server", "--port", self.port, "--bind", "127.0.0.1", "--save", "", "--appendonly", "no"]
        self.redis = self.processes.start([*line, "--dir", self.folder], stdout=subprocess.DEVNULL)
        wait_until("redis-server", lambda: answers(self.port))
        line = [self.args.cache / environment / "bin/python", self.args.peer / "baseline.py"]
        line += ["--procs", self.args.processes, "--http", self.http, "--redis-port", self.port]
        line += ["--data", self.args.cache / "data", *([] if packed else ["--identity"])]
        process = self.processes.start(line, stdout=subprocess.PIPE, text=True)
        with Memory(process.pid, self.redis.pid) as memory:
            text = process.communicate()[0]
        found = json.loads(text.splitlines()[0])
        right = (found["contracts"], found["survivors"]) == (EXPECTED["contracts"], EXPECTED["survivors"])
        if not right or not abs(found["iv_sum"] - EXPECTED["iv_sum"]) < IV_SUM:
            raise SystemExit(f"bench: the Python program's own answers are not as expected: {found}")
        return found["seconds"], found["worker_cpu_s"], memory.megabytes()


def read_peer(port):
    """Every contract the Python program wrote, by symbol."""
    import redis

    client, written = redis.Redis(port=port, decode_responses=True), {}
    keys = list(client.scan_iter(match="opt:*", count=5000))
    for at in range(0, len(keys), 2000):
        pipe = client.pipeline(transaction=False)
        for key in keys[at : at + 2000]:
            pipe.hmget(key, "iv", "delta", "gamma", "theta", "vega", "rho", "score")
        for key, values in zip(keys[at : at + 2000], pipe.execute()):
            # One whose volatility cannot be computed has its history only.
            if values[0] is not None:
                written[key[4:]] = [float(value) for value in values]
    return written


def seconds_between(log, first, last):
    """Between two states of the scan, as the coordinator told them."""
    times = {}
    for line in log.splitlines():
        line = re.sub(r"\x1b\[[0-9;]*m", "", line)
        told = re.search(r"scan state.*\bstate=\"?(\w+)", line)
        if told:
            at = re.search(r"\d{4}-\d\d-\d\dT[\d:.]+Z", line).group(0)
            times.setdefault(told.group(1), datetime.fromisoformat(at.replace("Z", "+00:00")))
    return (times[last] - times[first]).total_seconds()


def run_fleet(args, processes, http, environment):
    """One scan by a fleet whose workers are up: figures, report, and what it wrote."""
    folder = processes.folder("peer-fleet-")
    nats_port, redis_port = free_port(), free_port()
    (folder / "redis").mkdir()
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    nats = processes.start(
        ["nats-server", "-a", "127.0.0.1", "-p", nats_port, "-js", "-sd", folder / "nats"], **quiet
    )
    line = ["redis-server", "--port", redis_port, "--bind", "127.0.0.1", "--save", "", "--appendonly", "yes"]
    redis = processes.start([*line, "--maxmemory-policy", "noeviction", "--dir", folder / "redis"], **quiet)
    wait_until("nats-server", lambda: answers(nats_port))
    wait_until("redis-server", lambda: answers(redis_port))
    queue, store = f"nats://127.0.0.1:{nats_port}", f"redis://127.0.0.1:{redis_port}/"
    index = json.loads((args.cache / "data/index.json").read_text())
    as_of = datetime.fromtimestamp(index["asof"]).astimezone().isoformat()
    variables = {
        **environment,
        "OPTIONFLEET_VENDORS__YAHOO__QUERY": http,
        "OPTIONFLEET_VENDORS__YAHOO__COOKIE": http,
        "HOME": str(folder),
    }
    line = [args.bin / "optionfleet-worker", "--queue", queue, "--store", store, "--slots", args.slots]
    with open(folder / "workers.log", "w") as log:
        workers = [processes.start(line, stderr=log, stdout=log, env=variables) for _ in range(args.workers)]
    wait_until("the workers", lambda: workers_there(redis_port) >= args.workers)
    before = [cpu_seconds(worker.pid) for worker in workers]
    line = [args.bin / "optionfleet", "--log", "fleet_coordinator=info", "scan", "--config", HERE / "peer.toml"]
    line += ["--tickers", ",".join(index["tickers"]), "--as-of", as_of, "--queue", queue, "--store", store]
    coordinator = processes.start(
        [*line, "--format", "json", "--quiet"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=variables
    )
    pids = [coordinator.pid, nats.pid, redis.pid, *(worker.pid for worker in workers)]
    with Memory(*pids) as memory:
        out, log = coordinator.communicate()
    if coordinator.returncode != 0:
        raise SystemExit(f"bench: the scan ended with {coordinator.returncode}\n{log}")
    cpu = sum(cpu_seconds(worker.pid) - was for worker, was in zip(workers, before))
    wall = seconds_between(log, "publishing", "sealed")
    line = [args.bin / "optionfleet", "ranking", "--store", store, "--top", 0, "--format", "csv"]
    listed = subprocess.run([str(word) for word in line], check=True, stdout=subprocess.PIPE, text=True, env=variables)
    processes.end(*workers, nats, redis)
    return (wall, cpu, memory.megabytes()), json.loads(out), listed.stdout


def workers_there(port):
    """Workers that checked in with the store."""
    line = ["redis-cli", "-p", str(port), "zcard", "optionfleet:1:workers"]
    return int(subprocess.run(line, check=True, stdout=subprocess.PIPE, text=True).stdout.strip())


def check(report, listed, written):
    """Sentences about what differs; none when both programs gave the same answers."""
    wrong = []

    def same(what, ours, expected):
        if ours != expected:
            wrong.append(f"{what}: {ours}, expected {expected}")

    rows = list(csv.DictReader(io.StringIO(listed)))
    places = report["funnel"]["places"]
    same("contracts", report["funnel"]["total"], EXPECTED["contracts"])
    same("survivors in the funnel", places.get("ranked"), EXPECTED["survivors"])
    same("survivors read back", len(rows), EXPECTED["survivors"])
    same("requests for charts", report["requests"].get("yahoo", 0) - EXPECTED["chains"], EXPECTED["charts"])
    iv_sum = sum(float(row["iv"]) for row in rows)
    if not abs(iv_sum - EXPECTED["iv_sum"]) < IV_SUM:
        wrong.append(f"sum of the volatilities: {iv_sum}, expected {EXPECTED['iv_sum']}")
    names = [*FLOORS, "score with a history"]
    worst, differing, with_history = dict.fromkeys(names, 0.0), dict.fromkeys(names, 0), 0
    same("contracts of only one side", len({row["symbol"] for row in rows} ^ set(written)), 0)
    for row in rows:
        theirs = written.get(row["symbol"])
        if theirs is None:
            continue
        # Only what has a history has a technical part.
        has_history = row["technical"] != ""
        with_history += has_history
        for (name, floor), value in zip(FLOORS.items(), theirs):
            error, allowed = abs(float(row[name]) - value), SCORE_WITH_HISTORY
            if name == "score" and has_history:
                name = names[-1]
            else:
                error, allowed = error / (abs(value) + floor / RELATIVE), RELATIVE
            worst[name] = max(worst[name], error)
            # Something that is no number is not right.
            differing[name] += not error <= allowed
    for name, count in differing.items():
        if count:
            wrong.append(f"{name}: {count} contracts differ, by up to {worst[name]:.1e}")
    if not 0 < with_history <= HISTORIES:
        wrong.append(f"contracts with a history of their own: {with_history}, expected 1 to {HISTORIES}")
    return wrong, iv_sum, worst


def missed(ours, theirs):
    """Sentences about the targets that are missed against these figures of the Python program; none when none is."""
    sentences = []
    for (what, target), our, their in zip(TARGETS.items(), ours, theirs):
        if not their >= target * our:
            sentences.append(f"{what}: the Python program needs {their / our:.2f} times the fleet's, not {target:.0f}")
    if not ours[2] < theirs[2]:
        sentences.append(f"memory: the fleet holds {ours[2]:.0f} MB, the Python program {theirs[2]:.0f} MB")
    return sentences


def medians(runs):
    return [statistics.median(column) for column in zip(*runs)]


def tell(name, figures, more=""):
    print(f"{name:20}{figures[0]:7.2f} {figures[1]:7.2f} {figures[2]:7.0f}{more}", flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--peer", type=Path, required=True, help="folder of the Python program")
    parser.add_argument("--cache", type=Path, required=True, help="folder of its environments and its data")
    parser.add_argument("--bin", type=Path, required=True, help="folder of our programs")
    parser.add_argument("--rounds", type=int, default=3, help="runs of each kind; their medians count")
    parser.add_argument("--processes", type=int, default=os.cpu_count(), help="of the Python program")
    parser.add_argument("--workers", type=int, default=1, help="worker processes of the fleet")
    parser.add_argument("--slots", type=int, default=16, help="tickers a worker works on at once")
    args = parser.parse_args()
    args.bin = args.bin.resolve()
    environment = {name: value for name, value in os.environ.items() if not name.startswith("OPTIONFLEET_")}
    processes = Processes()
    # Whoever ends this ends what it started.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    try:
        port = free_port()
        line = [args.cache / "plain/bin/python", "-u", args.peer / "server.py", args.cache / "data", port]
        processes.start(line, stdout=subprocess.DEVNULL)
        wait_until("the server of the data", lambda: answers(port), 120)
        http = f"http://127.0.0.1:{port}"
        peer, runs, ours, written = Peer(args, processes, http), {way: [] for way in Peer.WAYS}, [], None
        print("                     wall s   CPU s      MB", flush=True)
        # One after the other in each round, so that whatever else this machine does meets all of them.
        for _ in range(args.rounds):
            for way in Peer.WAYS:
                runs[way].append(peer.run(*way))
                tell(f"{way[0]}{', packed' if way[1] else ''}", runs[way][-1])
            written = written or read_peer(peer.port)
            peer.rest()
            figures, report, listed = run_fleet(args, processes, http, environment)
            tell("fleet", figures)
            wrong, iv_sum, worst = check(report, listed, written)
            if wrong:
                print("The answers are not the same, so there is nothing to compare:")
                print("\n".join(f"  {sentence}" for sentence in wrong))
                return 1
            ours.append(figures)
        print(f"\nSame answers: {EXPECTED['contracts']:,} contracts, {EXPECTED['survivors']:,} survivors, sum of IV")
        print(f"{iv_sum:.4f}, {EXPECTED['charts']:,} charts; worst differences, relative but for the last:")
        print("  " + ", ".join(f"{name} {error:.0e}" for name, error in worst.items()))
        print(f"\nMedians of {args.rounds}; of the Python program, with packed and plain bodies, the smaller of each figure:")
        ours, ways = medians(ours), []
        for name, words in (("plain", "Python"), ("hiredis", "Python with hiredis")):
            theirs = [min(column) for column in zip(*(medians(runs[way]) for way in Peer.WAYS if way[0] == name))]
            ways.append(theirs)
            ratios = [their / our for their, our in zip(theirs, ours)]
            tell(words, theirs, f"   {ratios[0]:.1f} x wall, {ratios[1]:.1f} x CPU, {ratios[2]:.1f} x memory")
        tell(f"fleet, {args.workers} x {args.slots} slots", ours)
        sentences = missed(ours, [min(column) for column in zip(*ways)])
        if sentences:
            print("\nTargets are missed:")
            print("\n".join(f"  {sentence}" for sentence in sentences))
            return 1
        return 0
    finally:
        processes.end()


if __name__ == "__main__":
    sys.exit(main())
