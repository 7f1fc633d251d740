// A network of its own: namespaces on a bridge, as several laptops on one Wi-Fi.
import { execFileSync } from 'node:child_process'
import { chmodSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { atTheEnd, room } from './node.mjs'
import { chromium } from './eyes.mjs'

/** whyNot says what is missing for a network, or nothing. */
export function whyNot() {
  if (process.getuid() !== 0) return 'network namespaces need root'
  try { execFileSync('ip', ['netns', 'list']) } catch { return 'network namespaces need iproute2: apt install iproute2' }
  return ''
}

const ROUTER = '02:00:00:00:00:fe' // its hardware address
const ip = (line) => execFileSync('ip', line.split(' '), { stdio: ['ignore', 'ignore', 'pipe'] })

/** openLan joins machines named in names to one bridge and gives, for each, the words that run a command there. */
export function openLan(names) {
  const tag = 'mb' + process.pid, hub = tag + 'hub', made = []
  const add = (ns) => { ip(`netns add ${ns}`); made.push(ns) }
  const close = () => {
    for (const ns of made.splice(0)) try { ip(`netns del ${ns}`) } catch { /* gone already */ }
  }
  atTheEnd(close)
  try {
    add(hub)
    ip(`-n ${hub} link add br0 type bridge mcast_snooping 0`) // a bridge without a querier would drop mDNS
    ip(`-n ${hub} link set br0 address ${ROUTER} up`)
    ip(`-n ${hub} addr add 10.98.0.254/24 dev br0`)
    const lan = { close }
    names.forEach((name, i) => {
      const ns = `${tag}${name}`
      add(ns)
      ip(`-n ${ns} link add lan0 type veth peer name port${i} netns ${hub}`)
      ip(`-n ${hub} link set port${i} master br0 up`)
      ip(`-n ${ns} addr add 10.98.0.${i + 1}/24 dev lan0`)
      ip(`-n ${ns} link set lan0 up`)
      ip(`-n ${ns} link set lo up`)
      ip(`-n ${ns} route add default via 10.98.0.254`) // multicast leaves by the default route
      ip(`-n ${ns} neigh replace 10.98.0.254 lladdr ${ROUTER} dev lan0 nud permanent`) // the router is known, as on any Wi-Fi in use
      lan[name] = { inside: ['ip', 'netns', 'exec', ns], browser: wrapper(ns) }
    })
    return lan
  } catch (e) {
    close()
    throw e
  }
}

/** A browser that sees the network of that machine alone. */
function wrapper(ns) {
  const path = join(room(), 'chromium')
  writeFileSync(path, `#!/bin/sh\nexec ip netns exec ${ns} ${chromium} "$@"\n`)
  chmodSync(path, 0o755)
  return path
}
