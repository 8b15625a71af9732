#!/usr/bin/env bash
# Which plugin files are loaded at all: who may write to them, who owns them, who says where to look. And that what was loaded is
# on record.
# Usage: plugin_trust.sh PROGRAM SOURCE_DIR BINARY_DIR
source_dir=$2 binary_dir=$3
source "$(dirname "$0")/lib/collect.sh"
chmod 755 "$work"
describe=("$program" solvers describe)
mkdir mine && cp "$binary_dir/tests/plugins/midpoint.so" mine/
expect 0 "" "${describe[@]}" ./mine/midpoint.so

# Written by everybody: the file, or its folder. The hint is the command that helps.
chmod 666 mine/midpoint.so
expect 3 "everybody may write to this file" "${describe[@]}" ./mine/midpoint.so
bash -c "$(grep -oE "chmod o-w '.*'" err.txt)"
expect 0 "" "${describe[@]}" ./mine/midpoint.so
chmod 777 mine
expect 3 "everybody may write to its folder" "${describe[@]}" ./mine/midpoint.so
expect 3 "everybody may write to its folder" "$program" sample --field "$source_dir/configs/fields/smooth.ini" --solver ./mine/midpoint.so --steps 2 --count 1 --out x.h5
chmod 1777 mine # as /tmp: others cannot replace the file
expect 0 "" "${describe[@]}" ./mine/midpoint.so
chmod 777 mine
expect 3 "everybody may write to its folder" "${describe[@]}" ./mine/midpoint.so
bash -c "$(grep -oE "chmod o-w '.*'" err.txt)"
expect 0 "" "${describe[@]}" ./mine/midpoint.so
# A link is judged by what it points to.
chmod 777 mine && mkdir links && ln -s ../mine/midpoint.so links/midpoint.so
expect 3 "everybody may write to its folder" "${describe[@]}" ./links/midpoint.so
chmod 755 mine
mkfifo pipe.so
expect 3 "not a file" timeout 10 "${describe[@]}" ./pipe.so

# Folders further up count as well, sticky ones apart.
mkdir -p up/between/mine && cp mine/midpoint.so up/between/mine/
chmod 777 up
expect 3 "everybody may write to the folder $work/up above it" "${describe[@]}" ./up/between/mine/midpoint.so
bash -c "$(grep -oE "chmod o-w '.*'" err.txt)"
expect 0 "" "${describe[@]}" ./up/between/mine/midpoint.so
chmod 1777 up
expect 0 "" "${describe[@]}" ./up/between/mine/midpoint.so

# A plugin that asks where it lies is loaded from there, and changes its own file meanwhile: what was hashed is no longer what is there.
cp "$binary_dir/tests/plugins/changes_itself.so" mine/
expect 0 "" "${describe[@]}" ./mine/changes_itself.so
PATHLINE_TEST_REPLACE=1 expect 3 "changed while it was being loaded" "${describe[@]}" ./mine/changes_itself.so

# Files on the search path that are passed over are named, also where another one has what was asked for.
mkdir -p passed && echo text >passed/mine.so
PATHLINE_SOLVER_PATH=$work/passed expect 0 "not loaded: $work/passed/mine.so" "${describe[@]}" heun

# On record: list, describe, sample and sweep.
hash=$(sha256sum mine/midpoint.so | cut -d' ' -f1)
PATHLINE_SOLVER_PATH=$work/mine "$program" solvers list --json >list.json 2>/dev/null
grep -q "$hash" list.json && grep -q "\"$work/mine/midpoint.so\"" list.json || { fail "list --json lacks path or hash"; cat list.json; }
"$program" sample --field "$source_dir/configs/fields/smooth.ini" --solver ./mine/midpoint.so --steps 2 --count 1 --out s.h5 >out.txt 2>err.txt ||
  { fail "sample"; cat err.txt; }
grep -q "midpoint 1.0.0 ($work/mine/midpoint.so, sha256 $hash)" out.txt || { fail "sample does not print path and hash"; cat out.txt; }
grep -qa "$hash" s.h5 || fail "the sample file lacks the hash"
grep -qa "$work/mine/midpoint.so" s.h5 || fail "the sample file lacks the path"
"$program" sweep --field "$source_dir/configs/fields/smooth.ini" --solvers ./mine/midpoint.so --steps 2 --count 1 --out sw >out.txt 2>err.txt ||
  { fail "sweep"; cat err.txt; }
grep -q "$hash" sw/sweep.csv || fail "sweep.csv lacks the hash"

# Owned by somebody else; and a set-user-id program does not look where its caller says. Both need root to set up.
if [ "$(id -u)" = 0 ] && command -v setpriv >/dev/null; then
  chown 65534 mine/midpoint.so
  expect 3 "belongs to user 65534" "${describe[@]}" ./mine/midpoint.so
  chown 0:65534 mine/midpoint.so && chmod 775 mine/midpoint.so
  expect 3 "group 65534, or an access list, lets others write to this file" "${describe[@]}" ./mine/midpoint.so
  bash -c "$(grep -oE "chmod g-w '.*'" err.txt)"
  expect 0 "" "${describe[@]}" ./mine/midpoint.so
  chown 65534 up
  expect 3 "the folder $work/up above it belongs to user 65534" "${describe[@]}" ./up/between/mine/midpoint.so
  chown 0 mine/midpoint.so
  mkdir no_code
  if unshare -m sh -c 'mount -t tmpfs -o noexec none no_code && cp mine/midpoint.so no_code/ && exec "$@"' sh "${describe[@]}" ./no_code/midpoint.so >out.txt 2>err.txt; then
    fail "a plugin runs from a file system that is mounted noexec"
  elif ! grep -q "Operation not permitted" err.txt; then
    grep -q "mounted noexec" err.txt || { fail "noexec is not what stops it"; cat err.txt; }
  fi
  # Where memory files may not be executed (vm.memfd_noexec, of each pid namespace) loading goes on, from the copy or from the file.
  for strictness in 1 2; do
    unshare -pf --mount-proc sh -c 'echo '$strictness' >/proc/sys/vm/memfd_noexec 2>/dev/null; exec "$@"' sh "${describe[@]}" ./mine/midpoint.so >out.txt 2>err.txt ||
      grep -q "Operation not permitted" err.txt || { fail "with vm.memfd_noexec = $strictness"; cat err.txt; }
  done
  lister=$binary_dir/tests/list_solvers
  cp "$lister" lister && chmod 755 lister
  as_other=(setpriv --reuid 65534 --regid 65534 --clear-groups env PATHLINE_SOLVER_PATH="$work/mine")
  if "${as_other[@]}" ./lister >ids.txt 2>err.txt; then
    grep -qx my-midpoint ids.txt || { fail "the search path is not followed"; cat ids.txt err.txt; }
    chmod 4755 lister
    "${as_other[@]}" ./lister >ids.txt 2>err.txt
    if grep -qx 'as user 0' ids.txt; then
      grep -qx my-midpoint ids.txt && fail "a set-user-id program follows its caller's search path"
    else
      echo "set-user-id has no effect in $work: not tried"
    fi
  else
    echo "programs in $work cannot be started by another user: not tried"
  fi
else
  echo "not root: foreign owners and set-user-id were not tried"
fi
[ $failures = 0 ] && echo "all well"
exit $((failures > 0))
