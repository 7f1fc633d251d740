// Story 7: what strangers' pages can and cannot do, two nodes in one browser, and a page without a secure origin.
import assert from 'node:assert/strict'
import { writeFileSync } from 'node:fs'
import { createServer, request } from 'node:http'
import { after, before, test } from 'node:test'
import { join } from 'node:path'
import { closeBrowsers, Findings, look, openBrowser, openPage } from './lib/eyes.mjs'
import { compose, send, stroke } from './lib/hands.mjs'
import { freePorts, mural, room, startNode, stopAll } from './lib/node.mjs'
import { scene, write } from './lib/things.mjs'
import { w } from './lib/words.mjs'

const findings = new Findings()
const errors = []
let browser, node, other, owner, site, elsewhere // elsewhere: the origin of the strangers' site

before(async () => {
  browser = await openBrowser({ more: ['--host-resolver-rules=MAP mural.test 127.0.0.1, MAP evil.test 127.0.0.1'] })
  node = await startNode()
  other = await startNode()
  await mural(node, 'name', 'Ana')
  await mural(other, 'name', 'Ben')
  await mural(node, 'post', '--text', 'For everybody to see')
  await mural(other, 'post', '--text', 'Written elsewhere')
  owner = await openPage(browser, { errors })
  await owner.goto(node.link)
  await stroke(owner, 'For everybody to see').waitFor()
  site = createServer((_, answer) => answer.setHeader('Content-Type', 'text/html').end('<!doctype html><title>A page of somebody else</title>'))
  await new Promise((r) => site.listen(0, '127.0.0.1', r))
  elsewhere = `http://localhost:${site.address().port}` // the same host: cookies go along
})
after(async () => {
  site?.close()
  await closeBrowsers()
  await stopAll()
})

/** stranger opens the strangers' site in the owner's own browser, where the owner's cookie is. */
async function stranger(tell, origin = elsewhere) {
  const page = await owner.context().newPage()
  try {
    await page.goto(origin)
    return await tell(page)
  } finally {
    await page.close()
  }
}

for (const host of ['localhost', '127.0.0.1']) {
  test(`a page of another origin on ${host} reads nothing of the owner's`, () => stranger(async (page) => {
    for (const path of ['/api/me', '/api/node', '/api/peers', '/api/nearby', '/api/feed?scope=nearby']) {
      const got = await page.evaluate((url) => fetch(url, { credentials: 'include' }).then((r) => r.text(), (e) => 'blocked: ' + e.message), node.url + path)
      assert.ok(!/"owner":\s*true|"home"|"peer_id"|"network_id":\s*"[^"]/.test(got), `${path} says ${got.slice(0, 300)}`)
    }
    const stream = await page.evaluate((url) => new Promise((r) => {
      const s = new EventSource(url, { withCredentials: true })
      s.onopen = () => r('open')
      s.onerror = () => r('refused')
      setTimeout(() => r('nothing'), 3000)
    }), node.url + '/api/live')
    assert.notEqual(stream, 'open')
  }, elsewhere.replace('localhost', host)))
}

test('a page of another origin changes nothing', () => stranger(async (page) => {
  const before = await count()
  const body = JSON.stringify({ text: 'I was not Ana', media: [], warning: '', pass: null, reply: null })
  for (const type of ['application/json', 'text/plain', 'application/x-www-form-urlencoded']) {
    for (const mode of ['cors', 'no-cors']) {
      await page.evaluate(({ url, type, mode, body }) => fetch(url, { method: 'POST', mode, credentials: 'include', headers: { 'Content-Type': type }, body }).catch(() => {}), { url: node.url + '/api/posts', type, mode, body })
    }
  }
  await page.evaluate(({ url, body }) => navigator.sendBeacon(url, body), { url: node.url + '/api/posts', body })
  for (const enctype of ['text/plain', 'application/x-www-form-urlencoded', 'multipart/form-data']) {
    const [answer] = await Promise.all([
      page.waitForResponse((r) => r.url().endsWith('/api/posts')), page.waitForURL(node.url + '/api/posts'),
      page.evaluate(submitLater, { url: node.url + '/api/posts', enctype, body }),
    ])
    assert.ok(answer.status() >= 400, `a form as ${enctype} is answered with ${answer.status()}`)
    await page.goto(elsewhere)
  }
  await page.evaluate((url) => fetch(url, { method: 'DELETE', credentials: 'include' }).catch(() => {}), node.url + '/api/session')
  assert.equal(await count(), before)
  assert.equal(await isOwner(owner), true, 'the owner is still signed in')
}))

test('a web client reads what is public, and writes after the owner said so', async () => {
  await stranger(async (page) => {
    const url = node.url.replace('http', 'ws')
    const event = (await ask(page, other.url.replace('http', 'ws'), ['REQ', 'a', { kinds: [1], limit: 1 }])).find((m) => m[0] === 'EVENT')[2]
    assert.equal(event.content, 'Written elsewhere')
    const read = await ask(page, url, ['REQ', 'a', { kinds: [1] }])
    assert.ok(read.some((m) => m[0] === 'EVENT' && m[2].content === 'For everybody to see'), 'public posts are read')
    const [, , taken, why] = (await ask(page, url, ['EVENT', event])).find((m) => m[0] === 'OK')
    assert.equal(taken, false, 'not before the owner allowed it')
    assert.match(why, /^(restricted|auth-required|blocked): /)

    await owner.goto(node.url + '/#/node')
    const allow = owner.getByRole('button', { name: w('origins.allow.name', { origin: elsewhere }) })
    await allow.waitFor()
    await look(owner, '50-origin-waiting', findings)
    await allow.click()
    await owner.getByRole('button', { name: w('origins.stop.name', { origin: elsewhere }) }).waitFor()
    const now = (await ask(page, url, ['EVENT', event])).find((m) => m[0] === 'OK')
    if (!now[2]) findings.push(`a web client that the owner allowed still may not write: ${now[3]}`)
    await owner.getByRole('button', { name: w('origins.stop.name', { origin: elsewhere }) }).click()
    await owner.getByRole('button', { name: w('origins.allow.name', { origin: elsewhere }) }).waitFor()
    await owner.goto(node.url + '/#/')
  })
})

test('a name that was bound to this machine from outside is refused', async () => {
  const page = await openPage(browser, { errors })
  const answer = await page.goto(`http://evil.test:${node.port}/`)
  assert.equal(answer.status(), 403)
  assert.equal((await page.request.get(`http://127.0.0.1:${node.port}/api/feed`, { headers: { Host: 'evil.test' } })).status(), 403)
  assert.ok(await upgrade('evil.test') >= 400, 'websockets too')
  await page.context().close()
})

test('two nodes in one browser do not disturb each other', async () => {
  const second = await owner.context().newPage()
  await second.goto(other.link)
  await stroke(second, 'Written elsewhere').waitFor()
  for (const page of [owner, second]) {
    await page.reload()
    assert.equal(await isOwner(page), true)
  }
  assert.equal((await owner.context().cookies()).filter((c) => c.name.startsWith('mural_')).length, 2)
  assert.notEqual(await owner.evaluate(() => document.querySelector('.bar-me').href), await second.evaluate(() => document.querySelector('.bar-me').href))
  await second.close()
})

test('without a secure origin one reads, and chooses files where a camera would be', async () => {
  const home = room(), port = await freePorts()
  writeFileSync(join(home, 'mural.toml'), 'allowed_hosts = ["mural.test"]\n')
  const lan = await startNode({ home, port })
  await mural(lan, 'name', 'Ana')
  await mural(lan, 'post', '--text', 'Seen from a phone')
  const url = `http://mural.test:${port}`
  const guest = await openPage(browser, { errors })
  await guest.goto(url)
  await stroke(guest, 'Seen from a phone').waitFor()
  assert.equal(await guest.evaluate(() => isSecureContext), false)
  assert.equal(await isOwner(guest), false)
  assert.equal(await guest.getByRole('button', { name: w('nav.new') }).count(), 0, 'a guest is offered nothing to write')
  await look(guest, '51-guest', findings)
  await guest.getByRole('button', { name: w('guest.mine') }).click()
  await guest.getByText('mural open').waitFor()
  await look(guest, '52-how-to-sign-in', findings)
  await guest.context().close()

  const page = await openPage(browser, { errors })
  await page.goto(lan.link.replace(`localhost:${port}`, `mural.test:${port}`))
  await stroke(page, 'Seen from a phone').waitFor()
  const form = await compose(page)
  for (const tool of ['tool.camera', 'tool.voice']) {
    const [chooser] = await Promise.all([page.waitForEvent('filechooser'), form.getByRole('button', { name: w(tool) }).click()])
    assert.ok(chooser)
    if (tool === 'tool.camera') await chooser.setFiles(write(room(), 'phone.jpg', await scene(browser, 4)))
  }
  await form.locator('.piece-ok').waitFor()
  await form.getByLabel(w('composer.words')).fill('Sent from the phone')
  await send(form)
  await stroke(page, 'Sent from the phone').locator('img').last().waitFor()
  await page.context().close()
})

test('nothing was found wrong on any of these screens', () => {
  assert.deepEqual(errors, [])
  findings.throwIfAny()
})

/** submitLater runs in a page; the page that asked for it is gone when it happens. */
function submitLater({ url, enctype, body }) {
  const form = Object.assign(document.createElement('form'), { method: 'post', action: url, enctype })
  form.append(Object.assign(document.createElement('input'), { type: 'hidden', name: body.slice(0, -1) + ', "x": "', value: '"}' }))
  document.body.append(form)
  setTimeout(() => form.submit())
}

const isOwner = async (page) => (await page.evaluate(() => fetch('/api/me').then((r) => r.json()))).owner

async function count() {
  return (await mural(node, 'feed')).posts.length
}

/** ask says one thing to a relay from a page and gives what it answers until it is done. */
function ask(page, url, message) {
  return page.evaluate(({ url, message }) => new Promise((done, no) => {
    const socket = new WebSocket(url), heard = []
    const end = () => { socket.close(); done(heard) }
    setTimeout(end, 5000)
    socket.onerror = () => no(new Error('the websocket broke'))
    socket.onopen = () => socket.send(JSON.stringify(message))
    socket.onmessage = (m) => { heard.push(JSON.parse(m.data)); if (/^(OK|EOSE|CLOSED)$/.test(heard.at(-1)[0])) end() }
  }), { url, message })
}

/** upgrade asks for a websocket under a host name and gives the status of the answer. */
function upgrade(host) {
  return new Promise((done, no) => {
    const r = request({ host: '127.0.0.1', port: node.port, headers: { Host: host, Connection: 'Upgrade', Upgrade: 'websocket', 'Sec-WebSocket-Version': '13', 'Sec-WebSocket-Key': 'AAAAAAAAAAAAAAAAAAAAAA==' } })
    r.on('response', (a) => { a.resume(); done(a.statusCode) })
    r.on('upgrade', (a, socket) => { socket.destroy(); done(a.statusCode) })
    r.on('error', no)
    r.end()
  })
}
