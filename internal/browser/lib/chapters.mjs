import { test } from 'node:test'
import { keepSight } from './eyes.mjs'

/** chapters gives a test function for a story in which each chapter needs the one before: after a failure the rest is skipped. skip says why none of it can be told here. */
export function chapters({ skip = '' } = {}) {
  let broken = ''
  return (name, tell) => test(name, async (t) => {
    if (skip) return t.skip(skip)
    if (broken) return t.skip(`needs "${broken}"`)
    try {
      await tell(t)
    } catch (e) {
      broken = name
      await keepSight(name)
      throw e
    }
  })
}
