# Names that hold escape sequences: a terminal never gets to see them, whatever command prints them.
source "$(dirname "$0")/lib.sh"
cd "$work" || exit 1
command -v python3 >/dev/null || skip "no python3"
evil=$'x\e[2J\e]0;owned\a\xc2\x9b31m\x7f\n12:00:00 info done'

# clean CODE COMMAND …: with that code, and nothing on either stream that steers a terminal or forges a line.
clean() {
  expect "$@"
  python3 - output <<'PY' || fail "control characters reach the terminal: $(cat -v output)"
import re, sys
text = open(sys.argv[1], 'rb').read()
text.decode('utf-8')
sys.exit(bool(re.search(rb'[\x00-\x08\x0b-\x1f\x7f]|\xc2[\x80-\x9f]', text) or re.search(rb'^(12:00:00|pathline: error: forged)', text, re.M)))
PY
}

# Paths, of files that are not there and of those that are.
clean 4 "$program" shards info "$evil"
clean 4 "$program" train "$evil" --data.shards=x
mkdir "$evil"
clean 3 "$program" shards verify "$evil"
clean 3 "$program" checkpoint info "$evil"
clean 2 "$program" "$evil"
clean 2 "$program" sample --field f.ini --"$evil" 1
clean 2 "$program" shards create --from toy:moons --out "$evil"
clean 4 "$program" checkpoint info $'latin-1 \xe9'

# Classes, named after folders; a set below such a name.
python3 - "$evil" <<'PY'
import os, struct, sys, zlib
def png(path):
    chunk = lambda kind, data: struct.pack('>I', len(data)) + kind + data + struct.pack('>I', zlib.crc32(kind + data))
    open(path, 'wb').write(b'\x89PNG\r\n\x1a\n' + chunk(b'IHDR', struct.pack('>IIBBBBB', 8, 8, 8, 0, 0, 0, 0)) +
                           chunk(b'IDAT', zlib.compress(bytes(9 * 8))) + chunk(b'IEND', b''))
for name in ('plain', sys.argv[1].replace('\n', ' ')):
    os.makedirs('tree/' + name)
    for i in range(8): png(f'tree/{name}/{i}.png')
open('tree/plain/broken\x1b[31m.png', 'wb').write(b'no picture')
PY
clean 0 "$program" shards create --from folder --input tree --colour grey --on-error skip --out "$evil/set" --name $'n\e[1m'
clean 0 "$program" shards info "$evil/set"
clean 0 "$program" shards verify "$evil/set"
"$program" shards info "$evil/set" --json | python3 -c "import json, sys; names = [c['name'] for c in json.load(sys.stdin)['classes']]; sys.exit('x\x1b[2J' not in names[1])" \
  || fail "JSON for programs is not as it was"

# A run with such classes, folders, and settings; a damaged part of it.
tiny_settings
sed -i "s|^shards = .*|shards = moved|; s/^classes = .*/classes = 2/; s/^global_batch = .*/global_batch = 8/; s/^steps = .*/steps = 1/" tiny.ini
mv "$evil/set" moved
clean 0 "$program" train tiny.ini
clean 0 "$program" checkpoint info run
cp -r run "$evil/run" && echo x >>"$evil/run/step-000000001/model.safetensors"
clean 3 "$program" checkpoint verify "$evil/run"
clean 3 "$program" sample "$evil/run" --solver euler --steps 1 --count 1 --out s.h5
clean 0 "$program" sample run --solver euler --steps 1 --count 1 --out "$evil/s.h5"
