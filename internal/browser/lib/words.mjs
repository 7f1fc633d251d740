// The sentences of the app, read from its own catalogue, so that a story does not break when one is worded better.
import { readFileSync } from 'node:fs'

const source = readFileSync(new URL('../../../ui/src/i18n/en.ts', import.meta.url), 'utf8')
const catalogue = new Function('return ' + source.slice(source.indexOf('{', source.indexOf('export const en'))).replace(/;\s*$/, ''))()

/** w gives a sentence of the app in English. */
export function w(key, values = {}) {
  let m = catalogue[key]
  if (m === undefined) throw new Error(`the app has no sentence "${key}"`)
  if (typeof m !== 'string') m = m[new Intl.PluralRules('en').select(Number(values.n))] ?? m.other
  return m.replace(/\{(\w+)\}/g, (all, name) => values[name] ?? all)
}

/** like gives a sentence as a pattern that takes anything in the place of what is not given. */
export function like(key, values = {}) {
  const quoted = w(key, values).replace(/[.*+?^$()|[\]\\]/g, '\\$&')
  return new RegExp(quoted.replace(/\{\w+\}/g, '.*'))
}
