#!/usr/bin/env bash
# Stories that a person lives through, in Chromium against real nodes.
# Arguments name the stories to run (default all), for example: first-minute.test.mjs
# MURAL_BIN names the program to test (default bin/mural). Pictures of every screen: internal/browser/out/.
set -euo pipefail
cd "$(dirname "$0")"
root=$(cd .. && pwd)
export MURAL_BIN=${MURAL_BIN:-$root/bin/mural}
cd browser
for tool in chromium node ffmpeg; do
	command -v "$tool" >/dev/null || { echo "browser: $tool is missing; type: apt install $tool" >&2; exit 1; }
done
[ -d node_modules/playwright-core ] || npm ci --silent --no-audit --no-fund --ignore-scripts
[ $# -gt 0 ] || { rm -rf out; set -- ./*.test.mjs; }
exec node --test --test-concurrency=1 --test-force-exit --test-timeout=300000 --test-reporter=spec "$@"
