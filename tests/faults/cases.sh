# shellcheck shell=bash disable=SC2034,SC2054,SC2154
# The commands of faults.sh: what each starts from ($work/template-CASE), its words (command), and what may be found afterwards. Everything lies below
# $w, under the same absolute paths each time, so that files compare byte by byte.

# make_inputs: what the templates are made of, in $work/inputs.
make_inputs() {
  mkdir "$work/inputs" "$w"
  tiny_idx "$w/idx" 24
  expect 0 "$program" shards create --from idx --input "$w/idx" --split train --shard-images 12 --out "$w/shards"
  expect 0 "$program" shards info "$w/shards" --png "$w/picture.png"
  local class
  for class in shoes bags; do
    mkdir -p "$w/pictures/$class"
    cp "$w/picture.png" "$w/pictures/$class/1.png"
    cp "$w/picture.png" "$w/pictures/$class/2.png"
  done
  rm "$w/picture.png"
  cat >"$w/field.ini" <<'INI'
[mixture]
weights = 0.4, 0.6
means = -1, 1
sigmas = 0.6, 0.8
shape = 1,4,4
INI
  cat >"$w/tiny.ini" <<INI
[data]
shards = $w/shards
threads = 1
[network]
channels = 32
channel_mult = 1,1
attention =
head_channels = 32
classes = 10
[train]
steps = 4
global_batch = 8
micro_batch = 4
threads = 1
[parallel]
reduction = reproducible
[checkpoint]
dir = $w/run
every = 1
keep = 1
[log]
dir = $w/log
every = 1
preview_every = 4
preview_steps = 2
samples = $w/samples
trace = $w/trace
INI
  cp -a "$w"/{idx,shards,pictures,field.ini,tiny.ini} "$work/inputs/"
  expect 0 "$program" train "$w/tiny.ini" --train.steps 2
  expect 0 "$program" checkpoint export "$w/run" --out "$w/weights.safetensors"
  expect 0 "$program" sample "$w/run" --solver euler --steps 1 --count 4 --seed 9 --out "$w/samples.h5" --png "$w/grid.png"
  cp -a "$w"/{run,log,samples.rank-0,weights.safetensors,samples.h5,grid.png} "$work/inputs/"
  rm -rf "$w"
}

# make_case CASE: the template, unless it is there, and the command.
make_case() {
  local inputs
  case "$1" in
    create-idx) inputs=(idx) command=(shards create --from idx --input "$w/idx" --split train --shard-images 12 --threads 1 --out "$w/out") ;;
    create-folder) inputs=(pictures) command=(shards create --from folder --input "$w/pictures" --size 8 --shard-images 3 --threads 1 --out "$w/out") ;;
    info) inputs=(shards) command=(shards info "$w/shards" --png "$w/sheet.png") ;;
    train | train-2) inputs=(shards tiny.ini) command=(train "$w/tiny.ini" --train.steps 3) ;;
    resume) inputs=(shards tiny.ini run log samples.rank-0) command=(train "$w/tiny.ini") ;;
    sample) inputs=(run samples.h5 grid.png) command=(sample "$w/run" --solver euler --steps 2 --count 4 --seed 1 --out "$w/samples.h5" --png "$w/grid.png") ;;
    sweep) inputs=(field.ini) command=(sweep --field "$w/field.ini" --solvers euler,heun --steps 2,4 --count 16 --threads 1 --out "$w/sweep") ;;
    fit) inputs=(field.ini) command=(solvers fit --field "$w/field.ini" --threads 1 --count 32 --steps 2..3 --iterations 2 --out "$w/tables") ;;
    new) inputs=() command=(solvers new tiny --out "$w/tiny") ;;
    export) inputs=(run) command=(checkpoint export "$w/run" --out "$w/weights.safetensors") ;;
    import) inputs=(shards tiny.ini weights.safetensors) command=(checkpoint import --config "$w/tiny.ini" --weights "$w/weights.safetensors" --out "$w/imported") ;;
    *) fail "no such command: $1" ;;
  esac
  command=("$program" "${command[@]}")
  if [ "$1" = train-2 ]; then
    require_mpirun
    command=("${mpirun[@]}" -n 2 "${command[@]}")
  fi
  [ -d "$work/template-$1" ] && return
  mkdir "$work/template-$1"
  local name
  for name in "${inputs[@]}"; do cp -a "$work/inputs/$name" "$work/template-$1/"; done
}

# same NAME FOUND EXPECTED: both hold the same result, whatever time it was.
same() {
  case "$1" in
    *.lock) return 0 ;;
    *.h5) [ "$(head -c 8 "$2" | tail -c 7)" = $'HDF\r\n\x1a' ] && [ "$(stat -c %s "$2")" = "$(stat -c %s "$3")" ] && [ "$(cmp -l "$2" "$3" | wc -l)" -le "$(clock_bytes "$1")" ] ;;
    *.table) cmp -s <(grep -v '^#' "$2") <(grep -v '^#' "$3") && [ "$(tail -n 1 "$2")" = end ] ;;
    *.csv) [ "$(wc -l <"$2")" = "$(wc -l <"$3")" ] && [ -z "$(tail -c 1 "$2" | tr -d '\n')" ] ;;
    *.html) [[ $(tail -c 9 "$2") == *"</html>"* ]] ;;
    *.cell) [ "$(head -c 64 "$2")" = "$(tail -c +65 "$2" | sha256sum | head -c 64)" ] ;;
    *metrics.jsonl) whole_lines "$2" && cmp -s <(steps_in "$2") <(steps_in "$3") ;;
    trace/*.json) [ "$(tail -n 1 "$2")" = "]}" ] ;;
    samples.rank-*) cmp -s <(sort -u "$2") <(sort -u "$3") ;;
    *events.out.tfevents.*) return 0 ;; # the records' own checksums are for their readers
    *) cmp -s "$2" "$3" ;;
  esac
}

# Bytes that the time of day may change in an HDF5 file of ours: shards have none; elsewhere a date, durations, and the checksums over them.
clock_bytes() {
  case "$1" in
    samples.h5) echo 80 ;;
    sweep/*) echo 100000 ;;
    *) echo 0 ;;
  esac
}

steps_in() { grep -o '"kind":"train","step":[0-9]*' "$1"; }
whole_lines() { ! grep -qv '^{.*}$' "$1" && [ -z "$(tail -c 1 "$1" | tr -d '\n')" ]; }

# whole_checkpoint FOLDER: every file as its manifest says; read without any of our own code.
whole_checkpoint() {
  local name hash count=0
  while read -r name hash; do
    [ "$(sha256sum <"$1/$name" | head -c 64)" = "$hash" ] || return 1
    count=$((count + 1))
  done < <(tr -d ' \n' <"$1/MANIFEST.json" | grep -oE '"[a-z]+\.[a-z]+":\{[^}]*\}' | sed -E 's/^"([^"]+)".*"sha256":"([0-9a-f]+)".*/\1 \2/')
  [ "$count" = 5 ] && [ "$(ls -A "$1" | wc -l)" = 6 ]
}

# may_stay PATH: found although it is in neither the template nor the reference, and in order.
may_stay() {
  [[ $1 == *.tmp-* || $1 == *.removed-* ]] && return 1
  case "$case,$1" in
    # Finished shards wait for the same command.
    create-*,.out.partial*) [ -e "$w/.out.partial/part-00000.json" ] ;;
    train*,log/metrics.*.jsonl | resume,log/metrics.*.jsonl) whole_lines "$w/$1" ;;
    train*,log/events.* | resume,log/events.*) return 0 ;;
    sweep,sweep/.cells/*.cell) same "$1" "$w/$1" ;;
    *) return 1 ;;
  esac
}

# must_exist: of the paths on standard input, those that every finished run has (names with a time or a process number come and go).
must_exist() { sed 's,^\./,,' | grep -vE 'events\.out\.tfevents|^run/step-[0-9]+/'; }

# What must be there whatever happened.
still_there() {
  local step
  case "$case" in
    resume)
      for step in "$w"/run/step-*; do [ -d "$step" ] && return; done
      echo "lost: every checkpoint"
      ;;
  esac
}

# can_do_without KIND PATH: it may fail without a word.
can_do_without() { return 1; }
