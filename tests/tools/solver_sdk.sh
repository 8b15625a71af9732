#!/usr/bin/env bash
# The solver SDK as its users see it: pathline is installed somewhere, plugins are built outside the tree against the installed
# files (C and C++; gcc and clang; one compiler command and find_package), checked, and one is compared in a sweep.
# Usage: solver_sdk.sh PROGRAM SOURCE_DIR BINARY_DIR
source_dir=$2 binary_dir=$3
source "$(dirname "$0")/lib/collect.sh"

# good NAME COMMAND…: must succeed; what it said is shown otherwise.
good() {
  local name=$1
  shift
  "$@" >log.txt 2>&1 || { fail "$name: $*"; tail -n 20 log.txt; }
}
checked() {
  good "check of $1" "$pathline" solvers check "$1"
  grep -q ' 0 failed' log.txt || fail "no summary of the checks of $1"
}

good install cmake --install "$binary_dir" --prefix "$work/installed"
pathline=$work/installed/bin/pathline
for file in include/pathline/solver.h include/pathline/solver.hpp lib*/cmake/pathline/pathlineConfig.cmake libexec/pathline/solver-check; do
  compgen -G "installed/$file" >/dev/null || fail "not installed: $file"
done
good "the installed program lists its solvers" "$pathline" solvers list
for solver in euler heun dopri5; do grep -q "^$solver " log.txt || fail "the installed program lacks $solver"; done

# New plugins, each by the command that its README names, and by CMake.
good "new in C" "$pathline" solvers new my-solver
good "new in C++" "$pathline" solvers new other_solver --language cpp --out there
for folder in my-solver there; do
  command=$(grep -m1 -oE '(cc|c\+\+) -std=.*' $folder/README.md)
  for compiler in clang gcc; do
    driver=$compiler
    case $compiler$command in clangc++*) driver=clang++ ;; gccc++*) driver=g++ ;; esac
    command -v $driver >/dev/null || { echo "no $driver here: not tried with it"; continue; }
    cd $folder && good "$driver in $folder" bash -c "$driver ${command#* } -Werror -pedantic" && cd ..
    [ $compiler = gcc ] || mv $folder/*.so by-$driver.so
  done
done
checked ./my-solver/my-solver.so
checked ./there/other_solver.so
for plugin in by-clang.so by-clang++.so; do [ ! -e $plugin ] || checked ./$plugin; done

# The guide, from empty file to sweep: its commands as they stand there (those that need a checkpoint apart).
mkdir guide && cd guide || exit 1
awk '/^```c$/ {on=1; next} /^```$/ {if (on) exit} on' "$source_dir/docs/write-a-solver.md" >midpoint.c
awk '/^```cpp$/ {on=1; next} /^```$/ {if (on) exit} on' "$source_dir/docs/write-a-solver.md" >midpoint.cpp
cp "$source_dir/docs/examples/adaptive.cpp" .
awk '/^```sh$/ {on=1; next} /^```$/ {on=0} on && !/CHECKPOINT/' "$source_dir/docs/write-a-solver.md" | sed "s|\\bPREFIX\\b|$work/installed|g" >commands.sh
[ "$(wc -l <commands.sh)" -ge 10 ] || fail "too few commands were found in the guide"
while IFS= read -r command; do
  good "command of the guide" env PATH="$work/installed/bin:$PATH" bash -c "$command"
done <commands.sh
[ -s sweep/report.html ] || fail "the guide does not lead to a report"
good "the class of the guide" c++ -std=c++17 -shared -fPIC -fvisibility=hidden -I"$work/installed/include" midpoint.cpp -o from-class.so
checked ./from-class.so
cd ..

# All of them, and the examples of the guide, in one CMake project.
mkdir project
cp my-solver/my-solver.c there/other_solver.cpp "$source_dir"/docs/examples/{midpoint.c,adaptive.cpp} project/
cat >project/CMakeLists.txt <<'CMAKE'
cmake_minimum_required(VERSION 3.22)
project(plugins LANGUAGES C CXX)
find_package(pathline 0.1 REQUIRED)
pathline_add_solver(midpoint midpoint.c)
pathline_add_solver(adaptive adaptive.cpp INSTALL)
pathline_add_solver(my-solver my-solver.c)
pathline_add_solver(other_solver other_solver.cpp DESTINATION solvers)
CMAKE
good configure cmake -S project -B project/build -DCMAKE_PREFIX_PATH="$work/installed" -DCMAKE_INSTALL_PREFIX="$work/installed"
good build cmake --build project/build
good "install of a plugin" cmake --install project/build
[ -e installed/solvers/other_solver.so ] || fail "DESTINATION was not followed"
for plugin in midpoint adaptive; do checked ./project/build/$plugin.so; done
good "an installed plugin is found by name" "$pathline" solvers describe adaptive-heun
"$pathline" solvers describe ./my-solver/my-solver.so >described.txt
grep -q "$(sha256sum my-solver/my-solver.so | cut -d' ' -f1)" described.txt || fail "describe lacks the hash of the file"
grep -q "$work/my-solver/my-solver.so" described.txt || fail "describe lacks the absolute path"

# Packages that are asked for wrongly.
printf 'cmake_minimum_required(VERSION 3.22)\nproject(p LANGUAGES C)\nfind_package(pathline REQUIRED COMPONENTS nonsense)\n' >project/CMakeLists.txt
cmake -S project -B project/wrong -DCMAKE_PREFIX_PATH="$work/installed" >log.txt 2>&1 && fail "an unknown component was accepted"
grep -q "no component 'nonsense'" log.txt || { fail "the unknown component is not named"; cat log.txt; }

# A sweep with it beside shipped ones: order 2, like Heun.
good sweep env PATHLINE_SOLVER_PATH="$work/my-solver" "$pathline" sweep --field "$source_dir/configs/fields/smooth.ini" \
  --solvers my-solver,euler,./there/other_solver.so --steps 16,32,64 --count 4 --threads 1 --out sweep
awk -F, 'NR==1 {for (i=1;i<=NF;i++) c[$i]=i} $1=="my-solver" {e[++n]=$c["rms_error"]; h[n]=$c["plugin_sha256"]}
  END {o=log(e[2]/e[3])/log(2); exit !(n==3 && o>1.8 && o<2.2 && length(h[1])==64)}' sweep/sweep.csv || { fail "not of second order in the sweep"; cat sweep/sweep.csv; }

# Mistakes.
expect 2 "exists already" "$pathline" solvers new my-solver
for name in Upper 9lives ../up "two words" "" "$(printf 'x%.0s' {1..65})"; do expect 2 "NAME" "$pathline" solvers new "$name"; done
expect 2 "--language" "$pathline" solvers new fine --language rust
[ -e fine ] && fail "a mistake left a folder behind"
expect 4 "nowhere" "$pathline" solvers new fine --out nowhere/fine

[ $failures = 0 ] && echo "all well"
exit $((failures > 0))
