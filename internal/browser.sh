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

# A browser on a busy machine is not the same twice: a story that fails is told
# once more, and the run says so. What fails twice is broken.
tell() { node --test --test-force-exit --test-timeout=300000 --test-reporter=spec "$1"; }
failed=0
for story in "$@"; do
	tell "$story" && continue
	echo "browser: $story failed; once more"
	tell "$story" || failed=1
done
exit "$failed"
