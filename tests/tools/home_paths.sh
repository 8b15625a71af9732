# `~` and $HOME where no shell expands them: in a configuration, behind `=`, in quotes, in lists.
source "$(dirname "$0")/lib.sh"
mkdir "$work/home" "$work/here" && cd "$work/here" || exit 1
tiny_run
export HOME=$work/home
sed -i "s|^dir = $work/run|dir = ~/run|; s|^dir = $work/log|dir = \$HOME/log|; s/^steps = .*/steps = 1/" ../tiny.ini

expect 0 "$program" train ../tiny.ini --print-config
says "dir = $work/home/run" "dir = $work/home/log"
expect 0 "$program" train ../tiny.ini '--log.trace=~/trace'
for made in run/step-000000001 log/metrics.jsonl trace/trace-rank0.json; do
  [ -e "$HOME/$made" ] || fail "no $made in the home folder"
done
expect 0 "$program" checkpoint info '~/run'
expect 0 "$program" sample '$HOME/run' --solver=euler --steps 1 --count 1 '--out=~/s.h5' '--png=${HOME}/s.png'
[ -e "$HOME/s.h5" ] && [ -e "$HOME/s.png" ] || fail "no samples in the home folder"
plugin=$(find "$3" -path '*solvers/midpoint.so' | head -n 1)
cp "$plugin" "$HOME/mine.so"
expect 0 "$program" sweep '--field' "$source_dir/configs/fields/smooth.ini" '--solvers=euler,~/mine.so' --steps 2 --count 2 '--out=~/swept'
grep -q "$HOME/mine.so" "$HOME/swept/sweep.csv" || fail "the plugin of the home folder is not in the table"
expect 0 "$program" shards create --from toy:moons --count 10 '--out=~/set'
expect 0 "$program" shards verify '~/set'
[ -z "$(find "$work/here" -name '*~*' -o -name '*\$*')" ] || fail "something is called ~: $(ls -A)"

# Refused, with the place: another user's folder, another variable, no HOME.
expect 2 "$program" train ../tiny.ini '--checkpoint.dir=~bob/run'
says "--checkpoint.dir: " "'~bob'" "./~bob"
expect 2 "$program" train ../tiny.ini --print-config '--data.shards=/scratch/$USER/shards'
says "the variable '\$USER' is not expanded"
expect 2 "$program" shards create --from toy:moons --count 10 '--out=$SCRATCH/set'
says "--out: " "'\$SCRATCH'"
expect 2 env -u HOME "$program" train ../tiny.ini --print-config
says "tiny.ini:" "HOME is not set"
