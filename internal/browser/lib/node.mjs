// Real nodes: a process each, a home each, ended by their own process id.
import { spawn, execFile } from 'node:child_process'
import { existsSync, mkdtempSync, rmSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { promisify } from 'node:util'

export const binary = resolve(process.env.MURAL_BIN ?? new URL('../../../bin/mural', import.meta.url).pathname)
if (!existsSync(binary)) throw new Error(`no node to test at ${binary}; type: make build`)

const START_MS = 30_000 // a loaded machine, not a goal
const run = promisify(execFile)
const rooms = [] // temporary folders
const nodes = new Set()

// Nothing outlives the tests, also when somebody presses Ctrl-C.
const last = [
  () => { for (const dir of rooms) rmSync(dir, { recursive: true, force: true }) },
  () => { for (const n of nodes) n.process.kill('SIGKILL') },
]
export const atTheEnd = (f) => last.push(f)
process.on('exit', () => last.reverse().forEach((f) => f()))
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, () => process.exit(1))

/** room makes a temporary folder that is gone when the tests are. */
export function room() {
  const dir = mkdtempSync(join(tmpdir(), 'mural-browser-'))
  rooms.push(dir)
  return dir
}

/** freePorts gives a port whose successor is free too: the second is for other nodes. */
export async function freePorts() {
  for (;;) {
    const first = await listening(0)
    const port = first.address().port
    const second = await listening(port + 1).catch(() => null)
    await new Promise((r) => first.close(r))
    if (!second) continue
    await new Promise((r) => second.close(r))
    return port
  }
}

function listening(port) {
  return new Promise((ok, no) => {
    const s = createServer()
    s.once('error', no)
    s.listen(port, '127.0.0.1', () => ok(s))
  })
}

/** startNode starts `mural run` and waits for its link. inside: words before the command, such as a network namespace. */
export async function startNode({ home = room(), port, inside = [], args = [] } = {}) {
  port ??= await freePorts()
  const all = [...inside, binary, '--home', home, '--port', String(port), 'run', ...args]
  const startedAt = Date.now()
  const child = spawn(all[0], all.slice(1), { stdio: ['ignore', 'pipe', 'pipe'] })
  const node = { process: child, home, port, inside, startedAt, url: `http://localhost:${port}`, log: '' }
  nodes.add(node)
  child.stderr.on('data', (b) => { node.log += b })
  node.ended = new Promise((r) => child.once('exit', r))
  node.link = await link(node)
  node.linkAt = Date.now()
  return node
}

function link(node) {
  return new Promise((ok, no) => {
    let text = ''
    const late = setTimeout(() => no(new Error(`no link after ${START_MS} ms; it said: ${text}${node.log}`)), START_MS)
    node.process.stdout.on('data', (b) => {
      text += b
      const m = /http:\S+/.exec(text)
      if (m) { clearTimeout(late); ok(m[0]) }
    })
    node.process.once('exit', (code) => { clearTimeout(late); no(new Error(`the node ended with ${code}: ${node.log}`)) })
  })
}

/** mural runs one command against a node's home and gives its JSON. */
export async function mural(node, ...args) {
  const all = [...node.inside, binary, '--home', node.home, '--port', String(node.port), '--json', ...args]
  const { stdout } = await run(all[0], all.slice(1))
  return stdout.trim() ? JSON.parse(stdout) : null
}

/** stop ends a node as a person would, kill as a power cut does. */
export async function stop(node, signal = 'SIGTERM') {
  nodes.delete(node)
  if (node.process.exitCode === null && node.process.signalCode === null) node.process.kill(signal)
  await node.ended
}
export const kill = (node) => stop(node, 'SIGKILL')

/** stopAll ends what a test left behind and removes its folders. */
export async function stopAll() {
  await Promise.all([...nodes].map((n) => stop(n)))
  for (const dir of rooms.splice(0)) rmSync(dir, { recursive: true, force: true, maxRetries: 5 })
}
