#!/usr/bin/env bash
# Brings a Debian 12 or Ubuntu 24.04 machine to a built pathline: system packages, LibTorch in a private virtual environment, the build.
# Idempotent; takes a second or two when there is nothing to do.
#
#   tools/setup.sh [--cuda | --cpu] [--no-tests] [--dependencies-only]
#
#   --cuda               the full CUDA set of LibTorch (several GB); chosen by itself where an NVIDIA driver is present
#   --cpu                the CPU set (about 1.5 GB) even where there is one
#   --no-tests           build the program and the plugins only (an existing build with tests keeps them)
#   --dependencies-only  stop before the build
#
# LIBTORCH_ROOT=DIR uses a LibTorch of your own: nothing is downloaded from PyPI then.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

torch_version=2.15.0
flavour=auto tests=ON build=yes
for argument in "$@"; do
  case "$argument" in
    --cuda) flavour=cuda ;;
    --cpu) flavour=cpu ;;
    --no-tests) tests=OFF ;;
    --dependencies-only) build=no ;;
    -h | --help) sed -n '2,13s/^# \{0,1\}//p' "$0"; exit 0 ;;
    *) echo "setup.sh: unknown option '$argument' (see --help)" >&2; exit 2 ;;
  esac
done

say() { printf '[setup] %s\n' "$*" >&2; }

# 1. System packages ------------------------------------------------------------------------------------------------------------------
packages=(build-essential cmake ninja-build ccache pkg-config python3 python3-venv libopenmpi-dev openmpi-bin libhdf5-dev
  libboost-program-options-dev libgtest-dev librandom123-dev libxxhash-dev libssl-dev nlohmann-json3-dev libspdlog-dev libpng-dev
  zlib1g-dev dataset-fashion-mnist libjpeg62-turbo-dev libzip-dev)
missing=()
if command -v dpkg-query >/dev/null; then
  # dpkg-query fails when it knows only some of the packages; its list is right all the same.
  installed=$(dpkg-query -W -f '${Package} ${Status}\n' "${packages[@]}" 2>/dev/null | awk '/install ok installed/{print $1}' || true)
  for package in "${packages[@]}"; do
    grep -qx "$package" <<<"$installed" || missing+=("$package")
  done
else
  say "this is not Debian or Ubuntu: install the equivalents of these packages yourself: ${packages[*]}"
fi
if ((${#missing[@]})); then
  if [ "$(id -u)" = 0 ]; then as_root=()
  elif command -v sudo >/dev/null; then as_root=(sudo)
  else
    say "these packages are missing, and neither root nor sudo is available. Ask an administrator to run:"
    echo "  apt-get update && apt-get install --no-install-recommends ${missing[*]}" >&2
    exit 2
  fi
  say "installing ${#missing[@]} packages: ${missing[*]}"
  "${as_root[@]}" apt-get update -qq
  "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${missing[@]}" >/dev/null
fi

# 2. LibTorch -------------------------------------------------------------------------------------------------------------------------
if [ -z "${LIBTORCH_ROOT:-}" ]; then
  if [ "$flavour" = auto ]; then
    flavour=cpu
    if [ -e /proc/driver/nvidia/version ]; then flavour=cuda; fi
  fi
  stamp=.venv/libtorch.stamp
  have=$(cat "$stamp" 2>/dev/null || true)
  # A CUDA set serves CPU runs as well, so it is never replaced by the smaller one.
  if [ "$have" != "torch $torch_version cuda" ] && [ "$have" != "torch $torch_version $flavour" ]; then
    say "installing LibTorch $torch_version ($flavour set) into .venv"
    rm -rf .venv
    python3 -m venv .venv
    if [ "$flavour" = cuda ]; then
      .venv/bin/pip install -q --disable-pip-version-check "torch==$torch_version"
    else
      # libtorch_cpu itself needs only these two CUDA libraries; NCCL's package brings nccl.h.
      .venv/bin/pip install -q --disable-pip-version-check --no-deps "torch==$torch_version" \
        nvidia-cuda-runtime nvidia-cuda-cupti nvidia-nccl-cu13
    fi
    echo "torch $torch_version $flavour" >"$stamp"
  fi
fi
[ "$build" = yes ] || exit 0

# 3. Build ----------------------------------------------------------------------------------------------------------------------------
if grep -qs '^PATHLINE_BUILD_TESTS:BOOL=ON' build/CMakeCache.txt; then tests=ON; fi
options=(-DPATHLINE_BUILD_TESTS=$tests)
[ "${CI:-}" != true ] || options+=(-DPATHLINE_WERROR=ON)  # a user's newer compiler may know more warnings
[ -z "${LIBTORCH_ROOT:-}" ] || options+=("-DLIBTORCH_ROOT=$LIBTORCH_ROOT")
log=$(mktemp)
trap 'rm -f "$log"' EXIT
if ! cmake --preset release "${options[@]}" >"$log" 2>&1; then
  cat "$log" >&2
  say "configuring failed; if LibTorch was moved or replaced, delete build/ and run again"
  exit 1
fi
if [ -t 2 ]; then cmake --build --preset release >&2
elif ! cmake --build --preset release >"$log" 2>&1; then
  cat "$log" >&2
  exit 1
fi
say "ready: build/bin/pathline"
