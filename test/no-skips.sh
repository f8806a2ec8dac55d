#!/usr/bin/env bash
# Runs a `go test -v`, shows what is not simply passing and what took longest, and fails also where a test was skipped or none was run: the lab's
# tests are the proof, and a proof that was passed over is none. STREAM, where several run at the same time, is put before
# each line.
set -uo pipefail
log=$(mktemp)
trap 'rm -f "$log"' EXIT

"$@" 2>&1 | tee "$log" | grep --line-buffered -v -e '^=== ' -e '^ *--- PASS' | while IFS= read -r line; do
  printf '%s\n' "${STREAM:+$STREAM: }$line"
done
status=${PIPESTATUS[0]}
if grep -q -- '^ *--- SKIP' "$log"; then
  echo "${STREAM:+$STREAM: }tests were skipped:" >&2
  grep -- '^ *--- SKIP' "$log" >&2
  status=1
fi
if ! grep -q -- '^--- PASS' "$log"; then
  echo "${STREAM:+$STREAM: }no test was run" >&2
  status=1
fi
# What takes long is worth knowing before it takes too long.
sed -nE 's/^--- PASS: ([^ ]+) \(([0-9]{2,}\.[0-9]+)s\)$/\2 s \1/p' "$log" | sort -rn | head -12 | while IFS= read -r line; do
  printf '%s\n' "${STREAM:+$STREAM: }$line"
done
exit "$status"
