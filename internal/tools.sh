#!/usr/bin/env bash
# Installs what the tests need and the machine lacks. Safe to run again.
set -euo pipefail
cd "$(dirname "$0")/.."

# command:package pairs of Debian.
need=()
for pair in ip:iproute2 nft:nftables chromium:chromium ffmpeg:ffmpeg exiftool:libimage-exiftool-perl curl:curl node:nodejs npm:npm zbarimg:zbar-tools; do
	command -v "${pair%%:*}" >/dev/null || need+=("${pair##*:}")
done
if [ ${#need[@]} -gt 0 ]; then
	sudo=""
	[ "$(id -u)" = 0 ] || sudo=sudo
	if ! command -v apt-get >/dev/null; then
		echo "tools: install these yourself, this is not Debian: ${need[*]}" >&2
	else
		echo "tools: installing ${need[*]}"
		$sudo apt-get update -qq
		DEBIAN_FRONTEND=noninteractive $sudo apt-get install -y -qq --no-install-recommends "${need[@]}" >/dev/null
	fi
fi

go mod download
for dir in internal/clients internal/browser ui; do
	if [ -f "$dir/package.json" ] && [ ! "$dir/node_modules/.package-lock.json" -nt "$dir/package-lock.json" ]; then
		echo "tools: npm packages of $dir"
		(cd "$dir" && npm ci --silent --no-audit --no-fund --ignore-scripts)
	fi
done
