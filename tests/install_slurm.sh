#!/usr/bin/env bash
# Installs what tests/e2e/test_slow_slurm.py starts of its own: SLURM and munge, from Debian's
# packages. Their services stay off. Without root, sudo or apt-get it says so and the tests skip.
set -euo pipefail

packages=(munge slurmctld slurmd slurm-client)
absent=()
for package in "${packages[@]}"; do
  if [[ $(dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null) != installed ]]; then
    absent+=("$package")
  fi
done
((${#absent[@]})) || exit 0

as_root=()
if ((EUID != 0)); then as_root=(sudo -n); fi
if ! command -v apt-get >/dev/null || ! "${as_root[@]}" true 2>/dev/null; then
  echo "== No SLURM for the tests (${absent[*]}: no root or no apt-get here): they skip its part"
  exit 0
fi

# A policy that forbids to start services, if there is none: a machine that runs tests is no node.
policy=/usr/sbin/policy-rc.d
if [[ ! -e $policy ]]; then
  printf '#!/bin/sh\nexit 101\n' | "${as_root[@]}" tee "$policy" >/dev/null
  "${as_root[@]}" chmod +x "$policy"
  trap '"${as_root[@]}" rm -f "$policy"' EXIT
fi
echo "== Debian packages to install for the tests: ${absent[*]}"
install() {
  "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive \
    apt-get install -y -qq --no-install-recommends "${absent[@]}" >/dev/null
}
if ! install 2>/dev/null; then # with the old lists; else with new ones
  "${as_root[@]}" apt-get update -qq || true
  install || {
    echo "tests: apt-get install failed (its reason is above): repair that and run this again" >&2
    exit 2
  }
fi
