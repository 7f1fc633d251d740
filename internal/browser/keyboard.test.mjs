// Story 6: without a mouse, without motion, from right to left, and with long words.
import assert from 'node:assert/strict'
import { after, before } from 'node:test'
import { chapters } from './lib/chapters.mjs'
import { closeBrowsers, Findings, look, openBrowser, openPage, SIZES } from './lib/eyes.mjs'
import { mural, room, startNode, stopAll } from './lib/node.mjs'
import { clip, scene, write } from './lib/things.mjs'
import { w } from './lib/words.mjs'

const test = chapters()
const findings = new Findings()
const errors = []
let browser, node, page

before(async () => {
  browser = await openBrowser()
  node = await startNode()
  page = await openPage(browser, { errors, reducedMotion: 'reduce' })
})
after(async () => {
  await closeBrowsers()
  await stopAll()
})

test('a first post without a mouse', async () => {
  await page.goto(node.link)
  await page.getByLabel(w('welcome.name')).waitFor()
  assert.equal((await focused()).label, w('welcome.name'), 'the name is asked for at once')
  await type('Ana')
  await press('Enter')
  await page.getByLabel(w('composer.words')).waitFor()
  if ((await focused()).label !== w('composer.words')) {
    findings.push(`after the name the focus is not on the first post but on ${(await focused()).what}`)
    await tabTo(w('composer.words'))
  }
  await type('Everything by hand today.')
  await press('Control+Enter')
  await page.getByRole('heading', { level: 1, name: w('mural.title') }).waitFor()
  await kept('after the first post')
})

test('a composer that opens, closes and gives the focus back', async () => {
  await more()
  await page.reload()
  await page.locator('main article').nth(5).waitFor()
  await tabTo(w('nav.new'))
  await press('Enter')
  const dialog = page.getByRole('dialog', { name: w('composer.title') })
  await dialog.waitFor()
  assert.equal((await focused()).label, w('composer.words'))
  for (let i = 0; i < 12; i++) { // the focus stays inside, or visits the browser's own buttons
    await press('Tab')
    assert.ok(await page.evaluate(() => document.activeElement === document.body || !!document.activeElement.closest('dialog')), 'Tab stays in the dialog')
  }
  await press('Escape')
  await dialog.waitFor({ state: 'detached' })
  assert.equal((await focused()).label, w('nav.new'), 'the focus is back where it was')
  await press('n')
  await dialog.waitFor()
  await type('Posted with one key.')
  await press('Control+Enter')
  await dialog.waitFor({ state: 'detached' })
  await page.locator('main article', { hasText: 'Posted with one key.' }).waitFor()
  await kept('after posting')
})

test('from stroke to stroke', async () => {
  await press('j')
  const first = (await focused()).id
  assert.ok(first, 'j reaches a stroke')
  await press('j')
  const second = (await focused()).id
  assert.ok(second && second !== first, 'j goes on')
  await press('k')
  assert.equal((await focused()).id, first, 'k goes back')
  const met = new Set([first])
  for (const arrow of ['ArrowRight', 'ArrowDown', 'ArrowLeft', 'ArrowUp']) {
    await press(arrow)
    const { id } = await focused()
    assert.ok(id, `${arrow} keeps to strokes`)
    met.add(id)
  }
  assert.ok(met.size > 1, 'arrows move')
  await look(page, '40-stroke-focused', findings, { sizes: { laptop: SIZES.laptop }, rules: false })
})

test('all strokes are reached by j', async () => {
  const all = await page.locator('main article').count()
  const met = new Set()
  for (let i = 0; i < all; i++) await press('k')
  for (let i = 0; i < all; i++) { met.add((await focused()).id); await press('j') }
  assert.equal(met.size, all)
})

test('opened, and back to the same stroke', async () => {
  const at = (await focused()).id
  await press('Enter')
  await page.getByRole('heading', { name: w('lineage.title') }).waitFor()
  await kept('on the page of a post')
  await press('Escape')
  await page.getByRole('heading', { level: 1, name: w('mural.title') }).waitFor({ timeout: 3000 }).catch(async () => {
    findings.push('Escape on the page of a post does not return to the mural')
    await page.goBack()
    await page.getByRole('heading', { level: 1, name: w('mural.title') }).waitFor()
  })
  await page.waitForTimeout(300)
  const back = await focused()
  if (back.id !== at) findings.push(`back on the mural the focus is on ${back.what}, not on the stroke it left from`)
})

test('the list is a feed', async () => {
  await press('j')
  await press('L')
  const feed = page.getByRole('feed')
  await feed.waitFor()
  if ((await focused()).body) findings.push('switching to the list loses the focus')
  const places = await feed.locator('article').evaluateAll((all) => all.map((a) => [a.ariaPosInSet, a.ariaSetSize].map(Number)))
  assert.ok(places.length > 5)
  assert.deepEqual(places, places.map((_, i) => [i + 1, places.length]))
  await press('j')
  await press('PageDown')
  assert.ok((await focused()).id, 'PageDown goes to the next article')
  await look(page, '41-list', findings)
  await press('L')
  await feed.waitFor({ state: 'detached' })
})

test('the keys are told', async () => {
  await press('?')
  const dialog = page.getByRole('dialog', { name: w('keys.title') })
  await dialog.waitFor()
  await look(page, '42-keys', findings)
  await press('Escape')
  await dialog.waitFor({ state: 'detached' })
  await kept('after the help')
})

test('a menu by keys', async () => {
  await press('j')
  const name = w('act.more', { name: 'Ana' })
  await tabTo(name)
  await press('Enter')
  assert.equal((await focused()).role, 'menuitem')
  await press('ArrowDown')
  assert.equal((await focused()).role, 'menuitem')
  await press('Escape')
  assert.equal((await focused()).label, name)
})

test('who wants no motion gets none', async () => {
  await page.goto(node.url + '/#/people')
  await page.goto(node.url + '/#/')
  await press('n')
  const moving = await page.evaluate(() => document.getAnimations().map((a) => [a.effect.target?.className, a.effect.getComputedTiming()]).filter(([, t]) => t.duration > 10 || t.iterations > 1 && t.duration > 1).map(([c, t]) => `${c}: ${t.duration} ms`))
  assert.deepEqual(moving, [])
  await press('Escape')
})

for (const [language, dir] of [['ar', 'rtl'], ['en-XA', 'ltr']]) {
  test(`every place in ${language}`, async () => {
    await page.evaluate((language) => localStorage.setItem('mural.prefs', JSON.stringify({ language })), language)
    await page.reload()
    await page.waitForFunction((d) => document.documentElement.dir === d, dir)
    await page.locator('main article').first().waitFor()
    const shots = { schemes: ['light'] }
    await look(page, `43-${language}-mural`, findings, shots)
    const id = await page.locator('main article').first().getAttribute('data-id')
    for (const [name, place] of [['people', 'people'], ['node', 'node'], ['settings', 'settings'], ['post', 'post/' + id]]) {
      await page.goto(`${node.url}/#/${place}`)
      await page.locator('main h1').waitFor()
      await page.locator('.skeleton').waitFor({ state: 'detached' })
      await look(page, `44-${language}-${name}`, findings, { ...shots, rules: false })
    }
    await page.goto(node.url + '/#/')
    await page.locator('main article').first().waitFor()
    await press('n')
    await page.locator('dialog').waitFor()
    await look(page, `45-${language}-composer`, findings, { ...shots, rules: false })
    await press('Escape')
    const stranger = await openPage(browser, { errors })
    await stranger.addInitScript((language) => localStorage.setItem('mural.prefs', JSON.stringify({ language })), language)
    await stranger.goto(node.url)
    await stranger.locator('main article').first().waitFor()
    await look(stranger, `46-${language}-guest`, findings, { ...shots, rules: false })
    await stranger.context().close()
  })
}

test('nothing was found wrong on any of these screens', () => {
  assert.deepEqual(errors, [])
  findings.throwIfAny()
})

/** more puts things on the wall that a wall has. */
async function more() {
  const dir = room()
  for (const text of ['Bread is in the oven.', 'Who has a ladder for Saturday? The north wall of the school is ours, and the paint came this morning. Bring old clothes, water, and somebody who laughs easily. We begin at nine and stop when the light goes.', 'Rain at last', 'Donaudampfschifffahrtselektrizitätenhauptbetriebswerkbauunterbeamtengesellschaft https://example.org/a/very/long/path/that/does/not/want/to/break/anywhere/at/all?and=goes&on=and&on=forever']) await mural(node, 'post', '--text', text)
  await mural(node, 'post', write(dir, 'a.jpg', await scene(browser, 5)), '--text', 'Above the clouds', '--alt', 'Hills above clouds')
  await mural(node, 'post', write(dir, 'b.jpg', await scene(browser, 9, { width: 600, height: 900 })), '--text', 'Tall', '--alt', 'A tall hill')
  await mural(node, 'post', clip(dir), '--text', 'Drifting', '--alt', 'Colours')
}

const press = async (key) => { await page.keyboard.press(key); await page.waitForTimeout(60) }
const type = (text) => page.keyboard.type(text)

function focused() {
  return page.evaluate(() => {
    const e = document.activeElement
    const label = e === document.body || e.matches('main') ? '' : e.ariaLabel ?? (e.labels?.[0] ?? e).innerText?.trim() ?? ''
    return { label, role: e.getAttribute('role'), id: e.matches('.stroke') ? e.dataset.id : '', body: e === document.body, what: e.cloneNode(false).outerHTML.slice(0, 120) }
  })
}

async function kept(when) {
  if ((await focused()).body) findings.push(`the focus is lost ${when}`)
}

async function tabTo(label) {
  for (let i = 0; i < 40; i++) {
    if ((await focused()).label === label) return
    await press('Tab')
  }
  throw new Error(`no Tab leads to "${label}"`)
}
