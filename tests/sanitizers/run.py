"""Builds with sanitizers, runs the tests in that build, and fails on any report of theirs.

    run.py address [ctest flags]   AddressSanitizer, leaks and undefined behaviour; all tests
    run.py thread [ctest flags]    ThreadSanitizer; the tests of threads, with stand-in models

Reports go into files, since a test that expects a failure would not notice one more; but GCC's
UndefinedBehaviorSanitizer knows no files, so that what it finds ends the program, with an exit code
that no test expects. What MPI, CUDA, Torch and HDF5 leak, or do without the sanitizer seeing it, is
left out by the names in leaks.txt and races.txt.
"""

import argparse
import os
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
HERE = Path(__file__).parent

# h5py beside another HDF5 needs RTLD_DEEPBIND, which AddressSanitizer refuses; so does it a limit of
# address space (what test_hostile_files feeds is fuzzed with it); SLURM's daemons do not pass the
# settings on; slow_scale measures memory, of which sanitizers take several times as much;
# slow_install builds a user's project without sanitizers; docs, slow_readme and slow_examples run
# what others do too.
WITHOUT = ("doors|python_frameworks|third_party|hostile_files|slow_slurm|slow_scale|slow_install|"
           "e2e_docs|slow_readme|slow_examples")
NOT_OF_MEMORY = "-k 'not memory_does_not_grow'"  # nor do other files' tests of it
# With stand-in models, in C or of one layer; and the converters.
THREADED = ("plugins|signals|merge|job|export_forms|import_cut|json_exact|metrics|metrics_sets|"
            "fod_groups|fod_ensemble|groups|group_invariance|select|images")
CHOICE = {
    "address": ["-LE", "^(static|fuzz|long)$", "-E", WITHOUT],
    "thread": ["-R", f"^(fod_unit|fod_unit_mpi_.|fod_unit_job|e2e_({THREADED}))$"],
}
PRESETS = {"address": "asan", "thread": "tsan"}


def settings(kind, reports):
    """The environment in which sanitized programs are run."""
    common = f"log_path={reports}/report:log_exe_name=1"
    if kind == "thread":
        found = {"TSAN_OPTIONS": f"{common}:suppressions={HERE}/races.txt:exitcode=0:"
                                 "ignore_noninstrumented_modules=1:history_size=4"}
    else:
        found = {"ASAN_OPTIONS": f"{common}:verify_asan_link_order=0:quarantine_size_mb=64:"
                                 "detect_odr_violation=0:protect_shadow_gap=0:"
                                 "allocator_may_return_null=1",  # tests let memory run out
                 "UBSAN_OPTIONS": "halt_on_error=1:exitcode=77:print_stacktrace=1",
                 "LSAN_OPTIONS": f"suppressions={HERE}/leaks.txt:print_suppressions=0"}
    return {**os.environ, **found, "FOD_PATIENCE": "4", "PYTEST_ADDOPTS": NOT_OF_MEMORY,
            "LD_PRELOAD": str(ROOT / "build" / PRESETS[kind] / "tests/libfod_plain_dl.so")}


def is_finding(report):
    """More than that memory ran out."""
    lines = report.read_text(errors="replace").splitlines()
    return any("failed to allocate" not in line for line in lines if line)


def main():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("kind", choices=list(PRESETS))
    options, flags = parser.parse_known_args()
    preset = PRESETS[options.kind]
    build = ROOT / "build" / preset
    jobs = str(os.cpu_count())
    subprocess.run(["cmake", "--preset", preset, "--log-level=NOTICE"], cwd=ROOT, check=True)
    subprocess.run(["cmake", "--build", "--preset", preset, "--parallel", jobs], cwd=ROOT, check=True)
    reports = build / "reports"
    shutil.rmtree(reports, ignore_errors=True)
    reports.mkdir()
    ended = subprocess.run(["ctest", "--test-dir", build, "--output-on-failure", "--no-tests=error",
                            *CHOICE[options.kind], *flags], env=settings(options.kind, reports))
    found = sorted(path for path in reports.iterdir() if is_finding(path))
    for path in found:
        print(f"--- {path}", path.read_text(errors="replace")[:4000], sep="\n")
    print(f"{len(found)} reports")
    return 1 if found or ended.returncode else 0


if __name__ == "__main__":
    sys.exit(main())
