"""Both sides, interleaved: each round runs every engine and mode once, in turn, then a table of ratios is printed.

    cargo build --release -p bench
    python bench/compare.py --kamado target/release/bench --rounds 3 seed_cnn mlp
    python bench/compare.py --kamado target/release/bench --mnist DIR --epochs 3 --rounds 3 seed_cnn

Times drift from minute to minute on a shared machine, so only ratios within one such run count. With --mnist each
engine trains whole epochs over MNIST, otherwise steps on random data. The peers need the packages of
bench/peers/requirements.txt, in the Python that --python names.
"""

import argparse
import collections
import json
import os
import pathlib
import statistics
import subprocess
import sys
import tempfile

PEERS = pathlib.Path(__file__).parent / "peers"
SCRIPTS = {"pytorch": PEERS / "pytorch.py", "keras": PEERS / "keras_peer.py"}
MODES = ["pytorch:eager", "pytorch:channels_last", "pytorch:compile", "pytorch:bf16", "pytorch:compile+bf16"]
MODES += ["keras:fit", "keras:jit", "keras:bundle", "keras:jit+bundle"]
OURS = "kamado"

# One run: ms a step or seconds an epoch, the accuracy of the test images if any, the peak memory in MB, the share of the
# machine's arithmetic that was reached.
Sample = collections.namedtuple("Sample", "value accuracy memory roofline")


def parse_options():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("workloads", nargs="+", metavar="WORKLOAD")
    parser.add_argument("--kamado", required=True, type=pathlib.Path, help="the `bench` binary, built with --release")
    parser.add_argument("--python", default=sys.executable, help="the peers' Python (default: this one)")
    parser.add_argument("--peers", nargs="*", default=MODES, metavar="ENGINE:MODE", help=f"default: {' '.join(MODES)}")
    parser.add_argument("--mnist", metavar="DIR", help="time whole epochs over the IDX files of this folder")
    parser.add_argument("--epochs", type=int, default=3, help="epochs a run, with --mnist; the first is a warm-up")
    parser.add_argument("--steps", type=int, default=500, help="timed steps, without --mnist")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--threads", type=int, default=len(os.sched_getaffinity(0)))
    parser.add_argument("--bf16", action="store_true", help="time ours in bf16 mixed precision too, without --mnist")
    parser.add_argument("--raw", type=pathlib.Path, help="also write every line and its peak memory to this file")
    options = parser.parse_args()
    for peer in options.peers:
        if peer.partition(":")[0] not in SCRIPTS:
            parser.error(f"--peers: {peer!r} is not ENGINE:MODE with an engine of {', '.join(SCRIPTS)}")
    return options


def ours(engine):
    return engine.partition(":")[0] == OURS


def engines_of(options):
    return [OURS, *[f"{OURS}:bf16"] * options.bf16, *options.peers]


def command(engine, workload, options):
    """The command line of one engine, `kamado` or `engine:mode`, for one workload."""
    if ours(engine):
        line = [options.kamado.resolve(), workload] + ["--bf16"] * engine.endswith(":bf16")
    else:
        name, _, mode = engine.partition(":")
        line = [options.python, SCRIPTS[name], workload, "--mode", mode]
    if not options.mnist:
        line += ["--steps", str(options.steps)]
    line += ["--threads", str(options.threads)]
    if options.mnist:
        line += ["--epochs-on", options.mnist, "--epochs", str(options.epochs)]
    return [str(part) for part in line]


def run(line):
    """(the JSON lines it printed, its peak memory in MB); none of them when it failed, and its last words on stderr."""
    with tempfile.TemporaryFile("w+") as out, tempfile.TemporaryFile("w+") as err:
        process = subprocess.Popen(line, stdin=subprocess.DEVNULL, stdout=out, stderr=err)
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        out.seek(0)
        err.seek(0)
        if process.returncode != 0:
            print(f"failed with {process.returncode}: {' '.join(line)}\n{err.read()[-2000:]}", file=sys.stderr)
            return [], 0.0
        lines = [json.loads(text) for text in out if text.startswith("{")]
    # Linux counts kibibytes.
    return lines, usage.ru_maxrss / 1024


def sample(line, memory):
    """An engine's warm-up is not counted, so of several epochs the first is left out."""
    seconds = line.get("seconds_per_epoch")
    value = statistics.median(seconds[1:] or seconds) if seconds else line["ms"]
    # A peer's own figure, where it gives one, leaves out what its interpreter touches while it shuts down.
    return Sample(value, line.get("test_accuracy"), line.get("peak_rss_mb", memory), line.get("roofline"))


def measure(workload, options, raw):
    """Samples by row and round, and each row's precision. Each round starts with another engine."""
    samples, precisions = collections.defaultdict(dict), {}
    engines = engines_of(options)
    for number in range(options.rounds):
        start = number % len(engines)
        for engine in engines[start:] + engines[:start]:
            lines, memory = run(command(engine, workload, options))
            for line in lines:
                row = f"{OURS} {line['precision']}" if ours(engine) else engine
                precisions[row] = line["precision"]
                taken = samples[row][number] = sample(line, memory)
                raw.append({"round": number + 1, "row": row, "wait4_mb": round(memory, 1), **line})
                print(f"round {number + 1} {workload} {row}: {taken.value:.4g}, {taken.memory:.0f} MB", file=sys.stderr)
    return samples, precisions


def median(row, field):
    return statistics.median(getattr(taken, field) for taken in row.values())


def table(workload, samples, precisions, options):
    """Markdown: one line a row, fastest first, then the ratio of the best peers to ours."""
    own = f"{OURS} f32" if f"{OURS} f32" in samples else None
    unit, digits = ("s/epoch", 2) if options.mnist else ("ms/step", 3)
    lines = [
        f"### {workload}, {options.threads} threads, {options.rounds} rounds{', MNIST epochs' * bool(options.mnist)}",
        "",
        f"| engine | precision | {unit} | min to max | time / ours | peak MB | memory / ours |"
        + (" test accuracy |" if options.mnist else " achieved / ceiling |"),
        "|---|---|---|---|---|---|---|---|",
    ]
    for row, taken in sorted(samples.items(), key=lambda item: median(item[1], "value")):
        values = [one.value for one in taken.values()]
        ratio = lambda field: f"{median(taken, field) / median(samples[own], field):.2f}" if own else "-"
        cells = [row, precisions[row], f"{median(taken, 'value'):.{digits}f}"]
        cells += [f"{min(values):.{digits}f} to {max(values):.{digits}f}", ratio("value")]
        cells += [f"{median(taken, 'memory'):.0f}", ratio("memory")]
        cells += [f"{median(taken, 'accuracy'):.4f}" if options.mnist else roofline(taken, samples, own)]
        lines.append(f"| {' | '.join(cells)} |")
    ratios = [best_ratio(row, contest, samples) for row, contest in contests(samples, precisions)]
    return "\n".join([*lines, "", *ratios, ""])


def roofline(taken, samples, own):
    """The share of the multiply-adds a second that the machine can do: the same arithmetic for every engine."""
    if not own or any(one.roofline is None for one in samples[own].values()):
        return "-"
    return f"{median(samples[own], 'roofline') * median(samples[own], 'value') / median(taken, 'value'):.2f}"


def contests(samples, precisions):
    """Our rows and the peers they have to beat: those of the same precision, and for f32 all of them."""
    peers = [row for row in samples if not row.startswith(OURS)]
    of = {precision: [row for row in peers if precisions[row] == precision] for precision in ("f32", "bf16")}
    pairs = [(f"{OURS} {precision}", (f"{precision} peer", rows)) for precision, rows in of.items() if rows]
    everyone = [(f"{OURS} f32", ("peer of any precision", peers))] * bool(peers)
    return [pair for pair in pairs + everyone if pair[0] in samples or pair[0] == f"{OURS} f32"]


def best_ratio(row, contest, samples):
    """The ratio of the medians, and how far it went in single rounds."""
    kind, peers = contest
    best = min(peers, key=lambda row: median(samples[row], "value"))
    if row not in samples:
        return f"Best {kind}: {best}. Ours has no result."
    ratio = median(samples[best], "value") / median(samples[row], "value")
    both = samples[best].keys() & samples[row].keys()
    rounds = [samples[best][number].value / samples[row][number].value for number in both]
    return f"Best {kind}: {best}; **ratio {ratio:.2f}** ({min(rounds, default=0):.2f} to {max(rounds, default=0):.2f})."


def machine():
    """What a reader needs to judge the numbers: the processor, the cores, how busy it was before we began."""
    model = "unknown processor"
    cpuinfo = pathlib.Path("/proc/cpuinfo")
    if cpuinfo.exists():
        fields = (line.partition(":") for line in cpuinfo.read_text().splitlines())
        model = next((value.strip() for name, _, value in fields if name.strip() == "model name"), model)
    load = os.getloadavg()[0]
    busy = " **The machine was busy: do not quote these numbers.**" if load > 0.5 else ""
    return f"{model}, {len(os.sched_getaffinity(0))} cores, load {load:.2f} before the first run.{busy}\n"


def incomplete(samples, options):
    """The engines that failed in a round, ours among them."""
    engines = engines_of(options)
    names = {OURS: f"{OURS} f32", f"{OURS}:bf16": f"{OURS} bf16"}
    runs = lambda engine: len(samples.get(names.get(engine, engine), ()))
    return [engine for engine in engines if runs(engine) < options.rounds]


def main():
    options = parse_options()
    print(machine())
    raw, failed = [], False
    for workload in options.workloads:
        samples, precisions = measure(workload, options, raw)
        print(table(workload, samples, precisions, options))
        if missing := incomplete(samples, options):
            failed = True
            print(f"Failed in some round, see above: {', '.join(missing)}.\n")
        sys.stdout.flush()
    if options.raw:
        options.raw.write_text("".join(json.dumps(line) + "\n" for line in raw))
    sys.exit(failed)


if __name__ == "__main__":
    main()
