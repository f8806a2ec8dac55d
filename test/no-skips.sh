#!/usr/bin/env bash
# Runs a `go test -v`, shows what is not simply passing and what took longest, and fails also where a test was skipped or none was run: the lab's
# tests are the proof, and a proof that was passed over is none. STREAM, where several run at the same time, is put before
# each line. What a test that failed has said stands once more at the end, and in a file of the folder FAILED if that is given, for
# whoever runs several to show last.
set -uo pipefail
log=$(mktemp)
trap 'rm -f "$log"' EXIT

# Puts the stream's name before each line.
named() {
  while IFS= read -r line; do
    printf '%s\n' "${STREAM:+$STREAM: }$line"
  done
}

# Prints the last lines of each test that failed: `go test -v` says which test the lines after it are from.
failures() {
  awk '
    /^=== (RUN|CONT|NAME|PAUSE) / { test = $3; next }
    /^ *--- FAIL: / { failed[$3] = 1; order[++n] = $3; next }
    /^ *--- SKIP: / { loose = loose $0 "\n" }
    /^ *--- / { next }
    /^panic: |^FAIL\t|WARNING: DATA RACE/ { loose = loose $0 "\n" }
    { said[test] = said[test] $0 "\n"; lines[test]++ }
    END {
      for (i = 1; i <= n; i++) {
        print "--- FAIL: " order[i]
        count = split(said[order[i]], line, "\n") - 1
        for (j = (count > 40 ? count - 39 : 1); j <= count; j++) print line[j]
      }
      # What did not compile, or broke before its first test, has said so outside of any.
      if (n == 0) printf "%s", said[""]
      printf "%s", loose
    }' "$log"
}

"$@" 2>&1 | tee "$log" | grep --line-buffered -v -e '^=== ' -e '^ *--- PASS' | named
status=${PIPESTATUS[0]}
# What takes long is worth knowing before it takes too long.
sed -nE 's/^--- PASS: ([^ ]+) \(([0-9]{2,}\.[0-9]+)s\)$/\2 s \1/p' "$log" | sort -rn | head -12 | named
if ! grep -q -- '^--- PASS' "$log"; then
  echo "no test was run" | named >&2
  status=1
fi
if grep -q -- '^ *--- SKIP' "$log"; then
  { echo "tests were skipped:"; grep -- '^ *--- SKIP' "$log"; } | named >&2
  status=1
fi
if [ "$status" -ne 0 ] && [ -n "${FAILED:-}" ]; then
  mkdir -p "$FAILED" && failures | named >"$FAILED/${STREAM:-tests}"
elif [ "$status" -ne 0 ]; then
  failures | named >&2
fi
exit "$status"
