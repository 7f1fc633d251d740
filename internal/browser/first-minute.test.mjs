// Stories 1, 2 and 8: the link, the first minute, and what an open page costs.
import assert from 'node:assert/strict'
import { after, before } from 'node:test'
import { closeBrowsers, Findings, look, measured, openBrowser, openPage } from './lib/eyes.mjs'
import { room, startNode, stopAll } from './lib/node.mjs'
import { clip, leaks, scene, withPlace, write } from './lib/things.mjs'
import { chapters } from './lib/chapters.mjs'
import { like, w } from './lib/words.mjs'
import { attach, compose, record, send, stroke } from './lib/hands.mjs'

const JS_BUDGET = 60_000, CSS_BUDGET = 15_000 // compressed bytes of the first load
const IDLE_MS = 10_000

const test = chapters()
const findings = new Findings()
const errors = []
let browser, node, page, photo, film
const loaded = [] // what the first load brought

before(async () => {
  browser = await openBrowser()
  const dir = room()
  photo = write(dir, 'IMG_0042.jpg', withPlace(await scene(browser, 3)))
  film = clip(dir)
})
after(async () => {
  await closeBrowsers()
  await stopAll()
})

test('the link opens the app', async () => {
  page = await openPage(browser, { errors })
  const wire = await weigh(page)
  node = await startNode()
  await page.goto(node.link)
  await page.getByLabel(w('welcome.name')).waitFor()
  const usable = Date.now()
  const paint = await page.evaluate(() => performance.timeOrigin + (performance.getEntriesByName('first-contentful-paint')[0]?.startTime ?? NaN))
  measured('start: process to link, ms', node.linkAt - node.startedAt)
  measured('start: process to first contentful paint, ms', Math.round(paint - node.startedAt))
  measured('start: process to usable page, ms', usable - node.startedAt)
  assert.ok(!page.url().includes('k='), `the token is still in the address bar: ${page.url()}`)
  assert.deepEqual(await page.context().cookies().then((all) => all.map((c) => [c.httpOnly, c.sameSite, c.name.startsWith('mural_')])), [[true, 'Strict', true]])
  await page.waitForLoadState()
  loaded.push(...wire.done())
  await look(page, '01-name', findings)
})

test('the link works once', async () => {
  const other = await openPage(browser, { errors })
  await other.goto(node.link)
  await other.getByRole('alert').getByText(w('signin.failed')).waitFor()
  assert.equal((await other.evaluate(() => fetch('/api/me').then((r) => r.json()))).owner, false)
  await look(other, '02-used-link', findings)
  await other.context().close()
})

test('a name and a sentence', async () => {
  const from = Date.now()
  await page.getByLabel(w('welcome.name')).fill('Ana')
  await page.getByRole('button', { name: w('welcome.start') }).click()
  await page.getByRole('heading', { name: w('first.title', { name: 'Ana' }) }).waitFor()
  await page.getByLabel(w('composer.words')).fill('The lake is so still this morning that the swans hesitate to land.')
  const spent = Date.now() - from
  await look(page, '03-first-post', findings)
  const again = Date.now()
  await send(page)
  await stroke(page, 'swans hesitate').waitFor()
  measured('first minute: name to first post on the mural, s', (spent + Date.now() - again) / 1000)
  measured('first minute: screens', ['name', 'first post', 'mural'].length)
  await look(page, '04-mural-first', findings)
})

test('a photo, without its place', async () => {
  const form = await compose(page)
  const said = await attach(form, photo)
  assert.match(said, like('piece.stripped'))
  assert.match(said, /GPS/)
  await form.getByLabel(w('piece.alt')).fill('Blue hills behind a lake')
  await form.getByLabel(w('composer.words')).fill('Seven in the morning')
  await look(page, '05-compose-photo', findings)
  await send(form)
  const img = stroke(page, 'Seven in the morning').locator('img[alt="Blue hills behind a lake"]')
  await seen(img)
  const post = await post1(page, 'Seven in the morning')
  const bytes = await page.evaluate((url) => fetch(url).then((r) => r.arrayBuffer()).then((b) => Array.from(new Uint8Array(b))), post.media[0].url)
  assert.ok(bytes.length > 1000 && bytes[0] === 0xff && bytes[1] === 0xd8, 'the node serves the photo')
  assert.deepEqual(leaks(Buffer.from(bytes)), [], 'the served photo tells no secrets')
})

test('a clip', async () => {
  const form = await compose(page)
  await attach(form, film)
  await form.getByLabel(w('piece.alt')).fill('Colours drift like water')
  await form.getByLabel(w('composer.words')).fill('From the boat')
  await send(form)
  const video = stroke(page, 'From the boat').locator('video')
  await video.waitFor()
  await video.evaluate((v) => { v.muted = true; return v.play() })
  await page.waitForFunction((v) => v.currentTime > 0.3, await video.elementHandle())
  await video.evaluate((v) => v.pause())
})

test('a voice note from the microphone', async () => {
  const form = await compose(page)
  await record(page, form, () => look(page, '06-recorder', findings))
  await form.getByLabel(w('composer.words')).fill('How it sounds here')
  await send(form)
  const note = stroke(page, 'How it sounds here')
  await note.getByRole('button', { name: w('voice.play', { label: 'Ana' }) }).click()
  await page.waitForFunction((a) => a.currentTime > 0.1, await note.locator('audio').elementHandle())
})

test('the camera', async () => {
  const form = await compose(page)
  await form.getByRole('button', { name: w('tool.camera') }).click()
  const dialog = page.getByRole('dialog', { name: w('tool.camera') })
  await page.waitForFunction(() => document.querySelector('.viewfinder video')?.videoWidth > 0)
  await look(page, '07-camera', findings)
  await dialog.getByRole('button', { name: w('camera.shoot') }).click()
  await dialog.getByRole('button', { name: w('use') }).click()
  await form.locator('.piece-ok').waitFor()
  await page.keyboard.press('Escape')
  await page.evaluate(() => localStorage.removeItem('mural.draft.new'))
})

test('every place of the app', async () => {
  await page.goto(node.url + '/#/')
  await page.reload()
  await stroke(page, 'From the boat').waitFor()
  await look(page, '08-mural', findings)
  for (const place of ['people', 'node', 'settings']) {
    await page.goto(`${node.url}/#/${place}`)
    await page.locator('main h1').waitFor()
    await page.locator('.skeleton').waitFor({ state: 'detached' })
    await look(page, `09-${place}`, findings)
  }
  const me = await page.evaluate(() => fetch('/api/me').then((r) => r.json()))
  await page.goto(`${node.url}/#/person/${me.person.npub}`)
  await stroke(page, 'From the boat').waitFor()
  await look(page, '10-person', findings)
  await page.goto(`${node.url}/#/people`)
  await page.getByRole('button', { name: w('invite.make') }).click()
  await page.getByRole('img', { name: w('invite.qr') }).waitFor()
  await look(page, '11-invitation', findings)
  await page.goto(`${node.url}/#/post/nothing-here`)
  await page.getByRole('alert').waitFor()
  await look(page, '12-no-such-post', findings)
})

test('an open mural costs next to nothing', async () => {
  const js = sum(loaded, /javascript/), css = sum(loaded, /css/), all = sum(loaded, /./)
  measured('first load, compressed bytes', { js, css, all, requests: loaded.length })
  assert.ok(js > 0 && js <= JS_BUDGET, `${js} bytes of JavaScript, at most ${JS_BUDGET}`)
  assert.ok(css > 0 && css <= CSS_BUDGET, `${css} bytes of CSS, at most ${CSS_BUDGET}`)
  assert.deepEqual(loaded.filter((r) => !r.url.startsWith(node.url)), [], 'nothing comes from elsewhere')

  const idle = await openPage(browser, { errors })
  const open = new Map(), asked = []
  idle.on('request', (r) => { open.set(r, r.url()); asked.push(r.url()) })
  for (const end of ['requestfinished', 'requestfailed']) idle.on(end, (r) => open.delete(r))
  await idle.context().addCookies(await page.context().cookies())
  await idle.goto(node.url)
  await stroke(idle, 'From the boat').waitFor()
  await idle.waitForTimeout(3000)
  asked.length = 0
  await idle.waitForTimeout(IDLE_MS)
  measured(`idle page: requests in ${IDLE_MS / 1000} s`, asked.length)
  assert.deepEqual(asked, [])
  assert.deepEqual([...open.values()], [node.url + '/api/live'], 'one connection stays open')
  await idle.context().close()
})

test('nothing was found wrong on any of these screens', () => {
  assert.deepEqual(errors, [])
  findings.throwIfAny()
})

/** weigh counts what a page loads, as it came over the wire. */
async function weigh(page) {
  const wire = await page.context().newCDPSession(page)
  const kinds = new Map(), all = []
  await wire.send('Network.enable')
  wire.on('Network.responseReceived', (e) => kinds.set(e.requestId, { url: e.response.url, type: e.response.mimeType }))
  wire.on('Network.loadingFinished', (e) => all.push({ ...kinds.get(e.requestId), bytes: e.encodedDataLength }))
  return { done: () => [...all] }
}

const sum = (list, type) => list.filter((r) => type.test(r.type)).reduce((n, r) => n + r.bytes, 0)

async function seen(img) {
  await img.waitFor()
  await img.page().waitForFunction((i) => i.complete && i.naturalWidth > 0, await img.elementHandle())
}

async function post1(page, text) {
  const { posts } = await page.evaluate(() => fetch('/api/feed?scope=me').then((r) => r.json()))
  return posts.find((p) => p.text.includes(text))
}
