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

# Prints of each test that failed what it has found wrong, without most of what it quotes, and its last lines if that is nothing.
# `go test -v` says which test the lines after it are from.
failures() {
  awk '
    /^=== (RUN|CONT|NAME|PAUSE) / { test = $3; quoted = broken = 0; next }
    /^ *--- FAIL: / { order[++n] = $3; next }
    /^ *--- SKIP: / { loose = loose $0 "\n" }
    /^ *--- / { next }
    # What does not compile, breaks or takes too long says so outside of any test.
    /^# |^panic: |^WARNING: DATA RACE/ { broken = 8 }
    /^(ok|FAIL|\?)[ \t]/ { broken = 0 }
    broken-- > 0 || /^FAIL\t/ { loose = loose $0 "\n" }
    /^ +[A-Za-z0-9_]+_test\.go:[0-9]+: / { quoted = 3 }
    quoted-- > 0 { wrong[test] = wrong[test] $0 "\n" }
    { last[test] = last[test] $0 "\n" }
    END {
      for (i = 1; i <= n; i++) {
        print "--- FAIL: " order[i]
        tail(order[i] in wrong ? wrong[order[i]] : last[order[i]])
      }
      if (n == 0) {
        if (test != "") print "the last of what was heard is from " test
        tail(last[test])
      }
      printf "%s", loose
    }
    function tail(text,  lines, count, i) {
      count = split(text, lines, "\n") - 1
      for (i = (count > 12 ? count - 11 : 1); i <= count; i++) print lines[i]
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
