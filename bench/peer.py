"""Runs the Python program and the fleet on the same data, checks that both give the same answers, and only then says how
much longer and how much more of everything the Python program needed.

Both sides get every file of the data set over HTTP from one server on this machine, and write what they found of every
contract to a redis-server. Measured of each: wall time (the fleet's: from the frozen manifest to the sealed scan, its
workers already up), processor time of the workers (user and system), and the sum over all its processes, its redis-server
and nats-server too, of the most memory each ever held. The Python program is run with and without compressed bodies, with
and without hiredis, each several times and in turn with the fleet; medians count, and of the Python program's ways the
smaller figure. Every process is ended by its id.
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

EXPECTED = {"contracts": 399_960, "survivors": 209_132, "iv_sum": 100_275.93, "charts": 4_200, "chains": 2_000}
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
    """The most that each process of some trees ever held, looked at often: a child's is gone when it ends."""

    def __init__(self, *roots):
        self.roots, self.most, self.over = list(roots), {}, False
        self.thread = threading.Thread(target=self.watch)

    def watch(self):
        while not self.over:
            self.look()
            time.sleep(0.05)

    def look(self):
        waiting = list(self.roots)
        while waiting:
            pid = waiting.pop()
            try:
                status = Path(f"/proc/{pid}/status").read_text()
                self.most[pid] = int(re.search(r"VmHWM:\s+(\d+)", status).group(1)) / 1024
                for children in Path(f"/proc/{pid}/task").glob("*/children"):
                    waiting += [int(child) for child in children.read_text().split()]
            except (OSError, AttributeError):
                continue

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.look()
        self.over = True
        self.thread.join()

    def megabytes(self):
        return sum(self.most.values())


class Peer:
    """The Python program in each of its ways, with a redis-server of its own."""

    WAYS = tuple((environment, packed) for environment in ("plain", "hiredis") for packed in (True, False))

    def __init__(self, args, processes, http):
        self.args, self.processes, self.http, self.port = args, processes, http, free_port()
        line = ["redis-server", "--port", self.port, "--bind", "127.0.0.1", "--save", "", "--appendonly", "no"]
        self.redis = processes.start([*line, "--dir", processes.folder("peer-redis-")], stdout=subprocess.DEVNULL)
        wait_until("redis-server", lambda: answers(self.port))

    def run(self, environment, packed):
        """Wall seconds, processor seconds and megabytes of one run."""
        subprocess.run(["redis-cli", "-p", str(self.port), "flushall"], check=True, stdout=subprocess.DEVNULL)
        line = [self.args.cache / environment / "bin/python", self.args.peer / "baseline.py"]
        line += ["--procs", self.args.processes, "--http", self.http, "--redis-port", self.port]
        line += ["--data", self.args.cache / "data", *([] if packed else ["--identity"])]
        process = self.processes.start(line, stdout=subprocess.PIPE, text=True)
        with Memory(process.pid, self.redis.pid) as memory:
            text = process.communicate()[0]
        found = json.loads(text.splitlines()[0])
        right = (found["contracts"], found["survivors"]) == (EXPECTED["contracts"], EXPECTED["survivors"])
        if not right or abs(found["iv_sum"] - EXPECTED["iv_sum"]) >= 0.05:
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
    if abs(iv_sum - EXPECTED["iv_sum"]) >= 0.05:
        wrong.append(f"sum of the volatilities: {iv_sum}")
    names = ("iv", "delta", "gamma", "theta_per_day", "vega_per_point", "rho_per_point", "score")
    worst = dict.fromkeys(names, 0.0)
    same("contracts of only one side", len({row["symbol"] for row in rows} ^ set(written)), 0)
    for row in rows:
        theirs = written.get(row["symbol"])
        if theirs is None:
            continue
        for name, value in zip(names, theirs):
            worst[name] = max(worst[name], abs(float(row[name]) - value) / max(1.0, abs(value)))
    for name, error in worst.items():
        # Prices of bars are rounded to ten-thousandths of a dollar here, which the scores of cheap contracts feel.
        if error > (0.05 if name == "score" else 1e-6):
            wrong.append(f"{name} of a contract differs by {error:.1e}")
    return wrong, iv_sum, worst


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
            figures, report, listed = run_fleet(args, processes, http, environment)
            tell("fleet", figures)
            wrong, iv_sum, worst = check(report, listed, written)
            if wrong:
                print("The answers are not the same, so there is nothing to compare:")
                print("\n".join(f"  {sentence}" for sentence in wrong))
                return 1
            ours.append(figures)
        print(f"\nSame answers: {EXPECTED['contracts']:,} contracts, {EXPECTED['survivors']:,} survivors, sum of IV")
        print(f"{iv_sum:.4f}, {EXPECTED['charts']:,} charts; worst differences (relative above 1):")
        print("  " + ", ".join(f"{name} {error:.0e}" for name, error in worst.items()))
        print(f"\nMedians of {args.rounds}; of the Python program, with packed and plain bodies, the smaller of each figure:")
        ours = medians(ours)
        for name, words in (("plain", "Python"), ("hiredis", "Python with hiredis")):
            theirs = [min(column) for column in zip(*(medians(runs[way]) for way in Peer.WAYS if way[0] == name))]
            ratios = [their / our for their, our in zip(theirs, ours)]
            tell(words, theirs, f"   {ratios[0]:.1f} x wall, {ratios[1]:.1f} x CPU, {ratios[2]:.1f} x memory")
        tell(f"fleet, {args.workers} x {args.slots} slots", ours)
        return 0
    finally:
        processes.end()


if __name__ == "__main__":
    sys.exit(main())
