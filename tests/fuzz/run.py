"""Builds and runs the fuzz targets.

    run.py build [cmake flags]       the targets, by preset fuzz, and their corpora
    run.py short TARGET              replays the corpus, then seeded mutations for two seconds
    run.py long [--minutes M] [TARGET...]   libFuzzer on each in turn (needs clang; 10 minutes each)

A finding of the long form is put into build/libfuzzer/findings. An input that ends a target goes,
once the defect is mended, into tests/fuzz/corpus/TARGET, and is replayed from then on.

HDF5 itself is not safe against damaged files: where its own code crashes or does not come to an end,
which the report tells by the innermost frame, that is counted and told, not asserted. Such inputs are
not kept: with another HDF5 they would assert nothing.
"""

import argparse
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
BUILD = ROOT / "build"
CORPUS = ROOT / "tests" / "fuzz" / "corpus"
TARGETS = sorted(path.stem for path in (ROOT / "tests" / "fuzz" / "targets").glob("*.cpp"))
SECONDS = 2  # of seeded mutation


def build(preset, flags):
    cmake = shutil.which("cmake")
    jobs = str(os.cpu_count())
    subprocess.run([cmake, "--preset", preset, "--log-level=NOTICE", *flags], cwd=ROOT, check=True)
    subprocess.run([cmake, "--build", "--preset", preset, "--parallel", jobs], cwd=ROOT, check=True)
    seeds = BUILD / preset / "seeds"
    shutil.rmtree(seeds, ignore_errors=True)
    seeds.mkdir()
    subprocess.run([programs(preset) / "fuzz_seeds", seeds], check=True)
    script = Path(__file__).with_name("make_corpus.py")
    subprocess.run([sys.executable, script, seeds], check=True)


def programs(preset):
    return BUILD / preset / "tests" / "fuzz"


def inputs(preset, target):
    folders = [BUILD / preset / "seeds" / target, CORPUS / target]
    return [folder for folder in folders if folder.is_dir()]


def blames_hdf5(report):
    """Whether the code that went wrong is HDF5's own, which was compiled without sanitizers."""
    for frame in re.findall(r"^ *#\d+ 0x[0-9a-f]+ (.*)$", report, re.M):
        if "libhdf5" in frame:
            return True
        if not re.search(r"__(asan|sanitizer|interceptor|ubsan)|libsanitizer|fuzzer::|libc\.so|on_alarm"
                         r"|^in (__)?(mem|str)[a-z0-9_]+ |^in ([mc]alloc|realloc|free|raise|abort) ", frame):
            return False
    return False


def environment():
    symbolizer = shutil.which("llvm-symbolizer") or shutil.which("llvm-symbolizer-14")
    # What HDF5 leaks on its own way out of a damaged file is not ours to mend; nor that it asks for
    # memory by an unchecked size: it copes with getting none. Our own `new` ends the process.
    options = {"LSAN_OPTIONS": f"suppressions={Path(__file__).with_name('leaks.txt')}",
               "ASAN_OPTIONS": "max_allocation_size_mb=512:allocator_may_return_null=1"}
    return {**os.environ, **({"ASAN_SYMBOLIZER_PATH": symbolizer} if symbolizer else {}), **options}


def short(target):
    program = programs("fuzz") / f"fuzz_{target}"
    save = BUILD / "fuzz" / f"{target}.input"
    places = inputs("fuzz", target)
    in_hdf5 = 0
    for seed in range(1, 21):
        done = subprocess.run([program, "--seconds", str(SECONDS), "--seed", str(seed), "--save",
                               save, *places], capture_output=True, text=True, errors="replace",
                              env=environment())
        if done.returncode == 0:
            print(done.stdout, end="")
            break
        if "mutating" not in done.stderr or not blames_hdf5(done.stderr):
            print(done.stderr[-8000:], f"\nthe input is {save}", sep="")
            return 1
        in_hdf5 += 1
    print(f"{in_hdf5} crashes or hangs inside of HDF5")
    return 0


def long(targets, minutes):
    program = programs("libfuzzer")
    failed = []
    for target in targets:
        work = BUILD / "libfuzzer" / "corpus" / target
        findings = BUILD / "libfuzzer" / "findings" / target
        for folder in (work, findings):
            folder.mkdir(parents=True, exist_ok=True)
        before = set(findings.iterdir())
        log = BUILD / "libfuzzer" / f"{target}.log"
        with open(log, "w") as output:  # a process of its own for each part, which may crash
            subprocess.run([program / f"fuzz_{target}", "-fork=1", "-ignore_crashes=1",
                            "-ignore_ooms=1", "-ignore_timeouts=1", f"-max_total_time={minutes * 60:.0f}",
                            "-timeout=20", "-rss_limit_mb=3000",
                            f"-artifact_prefix={findings}/", work, *inputs("libfuzzer", target)],
                           stdout=output, stderr=subprocess.STDOUT, env=environment())
        new = sorted(set(findings.iterdir()) - before)
        ours = [path for path in new if not replay_blames_hdf5(program / f"fuzz_{target}", path)]
        runs = re.findall(r"^#(\d+):", log.read_text(errors="replace"), re.MULTILINE)
        print(f"{target}: {runs[-1] if runs else 0} inputs, {len(new) - len(ours)} crashes or hangs "
              f"inside of HDF5, {len(ours)} findings of ours", *ours, sep="\n  ", flush=True)
        failed += ours
    return 1 if failed else 0


def replay_blames_hdf5(program, path):
    done = subprocess.run([program, "-timeout=20", "-rss_limit_mb=3000",
                           "-artifact_prefix=/dev/null", path], capture_output=True, text=True,
                          errors="replace", env=environment())
    return done.returncode != 0 and blames_hdf5(done.stderr)


def main():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("build").add_argument("flags", nargs="*")
    commands.add_parser("short").add_argument("target", choices=TARGETS)
    hours = commands.add_parser("long")
    hours.add_argument("--minutes", type=float, default=10)
    hours.add_argument("targets", nargs="*", default=TARGETS)
    options, rest = parser.parse_known_args()
    if options.command == "build":
        return build("fuzz", options.flags + rest)
    if options.command == "short":
        return short(options.target)
    if not shutil.which("clang++"):
        sys.exit("no clang++ (libFuzzer is part of clang): apt-get install clang libclang-rt-14-dev")
    build("libfuzzer", [])
    return long(options.targets or TARGETS, options.minutes)


if __name__ == "__main__":
    sys.exit(main())
