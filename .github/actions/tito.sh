#!/usr/bin/env bash
# Run a command of tito and leave its result where no job's checkout lies: tito.sh NAME WORD...
set -euo pipefail

result=$RUNNER_TEMP/tito-results/$1.json
shift
mkdir -p "${result%/*}"
echo "result=$result" >>"$GITHUB_OUTPUT"

# What a student's file says is shown and never obeyed: until the word, which nobody can guess,
# the runner takes no commands from the output.
word=$(od -An -N 16 -t x1 /dev/urandom | tr -d ' \n')
echo "::stop-commands::$word"
code=0
env -u GITHUB_ENV -u GITHUB_OUTPUT -u GITHUB_PATH -u GITHUB_STATE -u GITHUB_STEP_SUMMARY \
    tito "$@" --json "$result" || code=$?
echo "::$word::"
exit "$code"
