// What a person does in the app, by the words on the screen.
import { w } from './words.mjs'

/** stroke is the post on the page whose own words are text: not one that has it beneath. */
export const stroke = (page, text) => page.locator(`main article[aria-label*="${text}"]`).first()

/** compose opens the composer and gives its dialog. */
export async function compose(page) {
  await page.getByRole('button', { name: w('nav.new'), exact: true }).click()
  return page.getByRole('dialog', { name: w('composer.title') })
}

/** pass opens the composer for a layer on a post. */
export async function pass(page, post) {
  await post.getByRole('button', { name: w('act.pass') }).click()
  return page.getByRole('dialog', { name: w('pass.title') })
}

/** attach chooses a file and gives what the app says when it has taken it in. */
export async function attach(form, path) {
  await form.locator('input[type=file][multiple]').setInputFiles(path)
  const said = form.locator('.piece-ok').last()
  await said.waitFor()
  return said.innerText()
}

/** record speaks for a second and a half into the microphone. */
export async function record(page, form, meanwhile = async () => {}) {
  await form.getByRole('button', { name: w('tool.voice') }).click()
  const dialog = page.getByRole('dialog', { name: w('tool.voice') })
  await dialog.getByRole('button', { name: w('mic.record') }).click()
  await page.waitForTimeout(1500)
  await meanwhile()
  await dialog.getByRole('button', { name: w('mic.done') }).click()
  await dialog.getByRole('button', { name: w('use') }).click()
  await form.locator('.piece-ok').last().waitFor()
}

/** send puts up what is written, and waits until the composer is gone. */
export async function send(form) {
  const button = form.locator('button.send')
  await button.click()
  await button.waitFor({ state: 'detached' })
}
