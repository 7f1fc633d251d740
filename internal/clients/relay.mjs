// What every suite here shares: the relay under test, and patience.
import WebSocket from 'ws'

globalThis.WebSocket ??= WebSocket

// Libraries leave timers behind (to reconnect, to collect statistics), which
// would keep a finished suite from ending. Theirs do not count any more;
// sockets and the waits below do.
const { setTimeout: countedTimeout } = globalThis
for (const name of ['setTimeout', 'setInterval']) {
  const counted = globalThis[name]
  globalThis[name] = Object.assign((...args) => counted(...args).unref(), counted)
}

export const url = process.env.MURAL_RELAY
if (!url) {
  throw new Error('MURAL_RELAY names the relay to test, for example: MURAL_RELAY=ws://localhost:4880 node --test')
}

export const now = () => Math.floor(Date.now() / 1000)

/** within ends a wait that would never end otherwise. */
export async function within(promise, what, ms = 15_000) {
  let timer
  const late = new Promise((_, reject) => {
    timer = countedTimeout(() => reject(new Error(`waited ${ms} ms in vain for ${what}`)), ms)
  })
  try {
    return await Promise.race([promise, late])
  } finally {
    clearTimeout(timer)
  }
}

/** talk opens a bare websocket that keeps every message, for what no library lets one say. */
export async function talk(options = {}) {
  const socket = new WebSocket(url, options)
  const heard = []
  const waiting = []
  socket.on('message', (data) => {
    const message = JSON.parse(data.toString())
    const next = waiting.shift()
    next ? next(message) : heard.push(message)
  })
  await within(new Promise((resolve, reject) => {
    socket.once('open', resolve)
    socket.once('error', reject)
  }), 'the websocket to open')
  return {
    say: (message) => socket.send(JSON.stringify(message)),
    hear: () => within(heard.length ? Promise.resolve(heard.shift()) : new Promise((r) => waiting.push(r)), 'a message'),
    close: () => socket.terminate(),
  }
}
