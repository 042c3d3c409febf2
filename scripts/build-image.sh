#!/usr/bin/env bash
# Builds the image of the Dockerfile and tries it where there is neither a container engine nor an image registry: on any
# Debian or Ubuntu machine, as root, with Node and npm. Debian's buildah does what `docker build` would. The base image is
# made here: Debian's essential packages, with the Node release that the Dockerfile asks for from its npm package.
# With an engine, `docker build -t wecom-living-gateway .` is all it takes.
#
# IMAGE_STORE keeps the base and the image between runs (default /var/tmp/wecom-living-gateway-image, about 2 GB); remove it
# to start anew. npm's registry, and a certificate authority where one is set, are those of this machine's npm.
set -euo pipefail
cd "$(dirname "$0")/.."

store=${IMAGE_STORE:-/var/tmp/wecom-living-gateway-image}
image=localhost/wecom-living-gateway
base=$(sed -n 's/^ARG BASE=//p' Dockerfile)
[[ $base =~ /node:([0-9.]+)-([a-z]+)-slim$ ]] || { echo "no node:N-SUITE-slim in the Dockerfile: $base" >&2; exit 1; }
release=${BASH_REMATCH[1]} suite=${BASH_REMATCH[2]}

if ! (command -v buildah && command -v mmdebstrap && command -v ip) > /dev/null; then
  apt-get update
  DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends buildah mmdebstrap iproute2
fi
buildah() { command buildah --root "$store/storage" --runroot "$store/run" --storage-driver vfs "$@"; }

mkdir -p "$store"
exec 9> "$store/lock"
flock 9
scratch=$(mktemp -d)
trap 'buildah rm --all > /dev/null; rm -r "$scratch"' EXIT

if ! buildah inspect --type image "$base" &> /dev/null; then
  echo "== base image: Debian $suite, Node $release"
  container=$(buildah from scratch)
  root=$(buildah mount "$container")
  mmdebstrap --quiet --variant=essential --include=libstdc++6,passwd "$suite" "$root"
  chroot "$root" useradd --uid 1000 --user-group --create-home node
  node=node-linux-$(node -p process.arch)
  scripts/check-digest.sh npm@11.21.2 "$node@$release"
  npm install --global --silent --ignore-scripts --prefix "$root/usr/local" npm@11.21.2 "$node@$release"
  buildah config --env PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin "$container"
  buildah commit --quiet "$container" "$base"
fi

echo "== image"
mkdir "$scratch/npm"
{
  cat "$(npm config get globalconfig)" "$(npm config get userconfig)" 2> /dev/null || true
  echo "registry=$(npm config get registry)"
  if cp "$(npm config get cafile)" "$scratch/npm/ca.crt" 2> /dev/null; then echo "cafile=/run/npm/ca.crt"; fi
} > "$scratch/npmrc"
# As many open files as this machine allows: buildah's own 1,024 are too few for npm's reading of a filled cache.
files=$(ulimit -Hn)
[[ $files != unlimited ]] || files=1048576
# Docker's own format, for OCI's has no HEALTHCHECK.
revision=$(git rev-parse HEAD 2> /dev/null || echo unknown)
buildah build --isolation chroot --format docker --pull-never --ulimit "nofile=$files" --tag "$image" \
  --build-arg "REVISION=$revision" --build-arg "VERSION=$(node -p 'require("./package.json").version')" \
  --secret "id=npmrc,src=$scratch/npmrc" --volume "$scratch/npm:/run/npm:ro" .
# Also what an interrupted run has left.
buildah rm --all > /dev/null
buildah rmi --prune > /dev/null

echo "== what it does"
container=$(buildah from --pull-never "$image")
buildah inspect --type image "$image" > "$scratch/image.json"
# In a network of its own, where the image's port is free and nobody else reaches it.
unshare --net sh -c 'ip link set lo up && exec node scripts/check-image.mjs "$@"' sh \
  "$(buildah mount "$container")" "$scratch/image.json"
