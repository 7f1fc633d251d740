// The browser, and what is looked at on every screen: pictures of it, rules of accessibility, overflow.
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { join } from 'node:path'
import { chromium as playwright } from 'playwright-core'

export const chromium = process.env.CHROMIUM ?? '/usr/bin/chromium'
export const out = new URL('../out/', import.meta.url).pathname
mkdirSync(out, { recursive: true })

const axe = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8')
const RULES = ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa']
export const SIZES = { phone: { width: 390, height: 844 }, laptop: { width: 1440, height: 900 } }
const args = ['--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking',
  '--disable-component-update', '--disable-sync', '--use-fake-ui-for-media-stream', '--use-fake-device-for-media-stream']

const browsers = new Set()

/** openBrowser starts Chromium with a made-up camera and microphone. */
export async function openBrowser({ executablePath = chromium, more = [] } = {}) {
  const b = await playwright.launch({ executablePath, args: [...args, ...more] })
  browsers.add(b)
  return b
}

export async function closeBrowsers() {
  await Promise.all([...browsers].map((b) => b.close()))
  browsers.clear()
}

/** keepSight takes a picture of every open page, for who has to find out why a story failed. */
export async function keepSight(name) {
  const pages = [...browsers].flatMap((b) => b.contexts()).flatMap((c) => c.pages())
  await Promise.all(pages.map((p, i) => p.screenshot({ path: join(out, `failed-${name.replace(/\W+/g, '-')}-${i}.png`), timeout: 5000 }).catch(() => {})))
}

/** openPage gives a page in a context of its own, which fails the story on errors that nobody caught. */
export async function openPage(browser, { errors = [], ...options } = {}) {
  const context = await browser.newContext({ viewport: SIZES.laptop, colorScheme: 'light', locale: 'en-GB', ...options })
  const page = await context.newPage()
  page.setDefaultTimeout(20_000)
  page.on('pageerror', (e) => errors.push(String(e)))
  return page
}

/** What a story found wrong while it went on; told when it ends, each once with the pictures that show it. */
export class Findings {
  #all = new Map()
  push(what, shot = '') {
    this.#all.set(what, [...this.#all.get(what) ?? [], ...shot ? [shot] : []])
  }
  throwIfAny() {
    if (this.#all.size) throw new Error(`${this.#all.size} findings:\n` + [...this.#all].map(([what, shots]) => what + (shots.length ? ` (${shots.join(', ')})` : '')).join('\n'))
  }
}

/** look takes a screen's pictures at two sizes, by day and by night, and checks each against the rules. */
export async function look(page, name, findings, { sizes = SIZES, schemes = ['light', 'dark'], rules = true } = {}) {
  const before = page.viewportSize()
  for (const [size, viewport] of Object.entries(sizes)) {
    await page.setViewportSize(viewport)
    for (const colorScheme of schemes) {
      await page.emulateMedia({ colorScheme })
      await settle(page)
      const shot = `${name}-${size}-${colorScheme}`
      await page.screenshot({ path: join(out, shot + '.png'), caret: 'initial' })
      await overflow(page, shot, findings)
      if (rules) await obey(page, shot, findings)
    }
  }
  await page.emulateMedia({ colorScheme: 'light' })
  await page.setViewportSize(before)
}

/** Waits for pictures in sight and for everything that moves and ends. */
async function settle(page) {
  await page.evaluate(async () => {
    const frame = () => new Promise((r) => requestAnimationFrame(() => r()))
    await frame(); await frame()
    const seen = [...document.images].filter((i) => { const r = i.getBoundingClientRect(); return r.bottom > 0 && r.top < innerHeight })
    const patience = new Promise((r) => setTimeout(r, 3000))
    await Promise.race([patience, Promise.all(seen.map((i) => i.decode().catch(() => {})))])
    const ending = document.getAnimations().filter((a) => a.effect.getComputedTiming().endTime !== Infinity)
    await Promise.race([patience, Promise.all(ending.map((a) => a.finished.catch(() => {})))])
    await frame()
  })
}

async function overflow(page, shot, findings) {
  const over = await page.evaluate(() => {
    const by = document.scrollingElement.scrollWidth - innerWidth
    if (by <= 0) return null
    const who = [...document.querySelectorAll('body *')].find((e) => { const r = e.getBoundingClientRect(); return r.right > innerWidth + 1 || r.left < -1 })
    return `${by} px wider than the window, first by ${who?.outerHTML.slice(0, 120)}`
  })
  if (over) findings.push(over, shot)
}

async function obey(page, shot, findings) {
  await page.evaluate(`window.axe || (() => { ${axe}\n })()`)
  const broken = await page.evaluate(async (values) => {
    const { violations } = await window.axe.run(document, { runOnly: { type: 'tag', values }, resultTypes: ['violations'] })
    return violations.map((v) => `${v.id}: ${v.nodes.slice(0, 4).map((n) => n.target.join(' ') + ' — ' + (n.any[0] ?? n.all[0] ?? n.none[0])?.message).join(' | ')}`)
  }, RULES)
  for (const b of broken) findings.push(b, shot)
}

/** measured prints a figure and keeps it in out/measures.json. */
const figures = {}
export function measured(what, value) {
  figures[what] = value
  console.log(`measured: ${what}: ${typeof value === 'object' ? JSON.stringify(value) : value}`)
  let before = {}
  try { before = JSON.parse(readFileSync(join(out, 'measures.json'), 'utf8')) } catch { /* the first one */ }
  writeFileSync(join(out, 'measures.json'), JSON.stringify({ ...before, ...figures }, null, 2) + '\n')
}

export function percentile(values, p) {
  const s = [...values].sort((a, b) => a - b)
  return s[Math.min(s.length - 1, Math.ceil(p * s.length) - 1)]
}
