#!/usr/bin/env bash
# Sets up, builds preset release and runs the tests; ctest's summary is the last thing printed, its
# exit code is the script's. --quick leaves out what takes minutes, --long adds what takes hours.
# Anything else is for ctest: tests/run.sh --quick -R digits -j 2
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

selection=(-LE '^long$')
arguments=()
for argument in "$@"; do
  case $argument in
    --quick) selection=(-LE '^(slow|long)$') ;;
    --long) selection=() ;;
    -h | --help)
      sed -n '2,4s/^# //p' "${BASH_SOURCE[0]}"
      exit 0
      ;;
    *) arguments+=("$argument") ;;
  esac
done

tools/setup.sh
tests/install_slurm.sh
export PATH=$PWD/.venv/bin:$PATH
export FOD_BUILD=$PWD/build/release
if ((EUID == 0)); then # Open MPI refuses root unless told twice
  export OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1
fi
cmake --preset release --log-level=NOTICE
cmake --build --preset release --parallel "$(nproc)"
exec ctest --test-dir "$FOD_BUILD" --output-on-failure --no-tests=error -j "$(nproc)" \
  "${selection[@]}" "${arguments[@]}"
