# Sourced by scripts that need one real node on loopback. It goes with the script.
: "${MURAL_BIN:=$PWD/../bin/mural}"

start_node() { # further flags of mural run
	node_home=$(mktemp -d)
	NODE_PORT=$((20000 + RANDOM % 20000))
	"$MURAL_BIN" run --home "$node_home" --port "$NODE_PORT" --nearby off "$@" >"$node_home/out" 2>&1 &
	node_pid=$!
	trap 'kill "$node_pid" 2>/dev/null; wait "$node_pid" 2>/dev/null; rm -rf "$node_home"' EXIT
	NODE_WS="ws://127.0.0.1:$NODE_PORT"
	for _ in $(seq 100); do
		grep -q "mural is up" "$node_home/out" && return
		kill -0 "$node_pid" 2>/dev/null || break
		sleep 0.1
	done
	cat "$node_home/out" >&2
	return 1
}
