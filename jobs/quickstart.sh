#!/usr/bin/env bash
# From a fresh machine to a first result: sets up, builds, trains a small CNN on 1,797 real images
# of digits, computes every image's class distribution on two ranks into quickstart/digits.h5,
# verifies it, shows it, exports it to quickstart/digits.json and draws quickstart/report.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

step=start
report() {
  echo "quickstart: '$step' failed (exit code $1, reason above): repair that, run this again" >&2
}
trap 'report $?' ERR
begin() {
  step=$1
  printf '\n=== %s\n' "$step"
}
run() { # shows a command, then runs it
  printf '$ %s\n' "$*"
  "$@"
}

out=quickstart
mkdir -p "$out"
if ((EUID == 0)); then # Open MPI refuses root unless told twice
  export OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1
fi

begin "set up"
tools/setup.sh
export PATH=$PWD/.venv/bin:$PATH

begin "build"
run cmake --preset release --log-level=NOTICE
run cmake --build --preset release --parallel "$(nproc)" --target fod fod-generate

begin "train a model"
if [[ $out/digits_model.pt -nt tools/train_digits.py ]]; then
  echo "$out/digits_model.pt is there already"
else
  run python tools/train_digits.py --out "$out"
fi

begin "generate first-order distributions and groups of neurons on two ranks"
ranks=(-n 2)
if ! mpirun -n 2 true 2>/dev/null; then # fewer than two cores here
  ranks+=(--oversubscribe)
fi
run mpirun "${ranks[@]}" build/release/fod-generate --model "$out/digits_model.pt" \
  --data "$out/images.npy" --labels "$out/labels.npy" --out "$out/digits.h5" --overwrite \
  --model-name digits_cnn --layers conv1,conv2,fc1 --correlation-threshold auto --group-patterns

begin "verify"
run build/release/fod verify "$out/digits.h5"

begin "export to JSON"
run build/release/fod export "$out/digits.h5" "$out/digits.json" --overwrite

begin "what it says"
run build/release/fod info "$out/digits.h5"

begin "draw the report"
run python tools/report.py "$out/digits.h5" --out "$out/report" --data "$out/images.npy" --overwrite

cat <<END

=== Done
$out/digits.h5    class distributions, labels, uncertainty and groups of neurons, checked (HDF5)
$out/digits.json  the same distributions as JSON
$out/report/dashboard.html  the report: open it in a browser; its pictures lie beside it
Above are the accuracy, the mean entropy and the five images that the model is least sure of.

Next, your own model and data:
  . .venv/bin/activate
  python tools/export_model.py MODULE:FACTORY --input-shape 1,3,32,32 --out m.pt
  mpirun -n 2 build/release/fod-generate --model m.pt --data images.npy --out result.h5
END
