// nostr-tools against a node: the library that most web clients stand on.
import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'

import { now, talk, url, within } from './relay.mjs'
import { fetchRelayInformation, useFetchImplementation } from 'nostr-tools/nip11'
import { nip19 } from 'nostr-tools'
import * as nip59 from 'nostr-tools/nip59'
import { SimplePool, useWebSocketImplementation as usePoolSocket } from 'nostr-tools/pool'
import { finalizeEvent, generateSecretKey, getPublicKey, verifyEvent } from 'nostr-tools/pure'
import { Relay, useWebSocketImplementation } from 'nostr-tools/relay'

useWebSocketImplementation(WebSocket)
usePoolSocket(WebSocket)
useFetchImplementation(fetch)

describe('nostr-tools', () => {
  const key = generateSecretKey()
  const author = getPublicKey(key)
  const sign = (template, by = key) => finalizeEvent({ created_at: now(), tags: [], content: '', ...template }, by)
  const open = []
  const connect = async () => {
    const r = await within(Relay.connect(url), 'a connection')
    open.push(r)
    return r
  }
  let relay

  before(async () => { relay = await connect() })
  after(() => open.forEach((r) => r.close()))

  /** query gives the stored answer. */
  const query = (filters, on = relay) => within(new Promise((resolve, reject) => {
    const found = []
    const sub = on.subscribe(filters, {
      onevent: (e) => found.push(e),
      oneose: () => { resolve(found); sub.close() },
      onclose: (why) => reject(new Error(why)),
    })
  }), 'the stored answer')

  /** listen subscribes to what is to come; next() gives one event after another. */
  const listen = (filters, on = relay) => within(new Promise((resolve, reject) => {
    const come = []
    const waiting = []
    const sub = on.subscribe(filters, {
      onevent: (e) => (waiting.length ? waiting.shift()(e) : come.push(e)),
      oneose: () => resolve({
        next: () => within(come.length ? Promise.resolve(come.shift()) : new Promise((r) => waiting.push(r)), 'a live event'),
        left: () => come.length,
        close: () => sub.close(),
      }),
      onclose: (why) => reject(new Error(why)),
    })
  }), 'EOSE')

  test('publishes and reads back, newest first, the same bytes', async () => {
    const contents = ['plain', 'é😀\u2028\u0001"\\/\t', '<b>&amp;</b>']
    const events = contents.map((content, i) => sign({ kind: 1, content, created_at: now() - 10 + i, tags: [['t', 'Über'], ['alt', '\n']] }))
    for (const e of events) {
      assert.equal(await within(relay.publish(e), 'OK'), '')
    }
    const found = await query([{ authors: [author], kinds: [1] }])
    assert.deepEqual(found.map((e) => e.id), events.map((e) => e.id).reverse())
    for (const e of found) {
      assert.ok(verifyEvent({ ...e }), `${e.id} verifies`)
    }
    assert.equal((await query([{ authors: [author], kinds: [1], limit: 1 }]))[0].id, events[2].id)
    assert.equal((await query([{ '#t': ['Über'], authors: [author] }])).length, 3)
    assert.deepEqual(await query([{ ids: ['f'.repeat(64)] }]), [])
  })

  test('says duplicate to an event it has, and takes it', async () => {
    const e = sign({ kind: 1, content: 'twice' })
    await relay.publish(e)
    assert.match(await within(relay.publish(e), 'OK'), /^duplicate: /)
  })

  test('refuses what does not prove itself', async () => {
    const e = sign({ kind: 1, content: 'signed' })
    await assert.rejects(within(relay.publish({ ...e, content: 'forged' }), 'OK'), /^Error: invalid: /)
    const far = sign({ kind: 1, created_at: now() + 3600 })
    await assert.rejects(within(relay.publish(far), 'OK'), /^Error: invalid: /)
  })

  test('delivers live, to the subscriptions that want it', async () => {
    const other = await connect()
    const wanted = await listen([{ kinds: [7], authors: [author], limit: 0 }])
    const unwanted = await listen([{ kinds: [6], authors: [author], limit: 0 }])
    const e = sign({ kind: 7, content: '+' })
    await within(other.publish(e), 'OK')
    assert.equal((await wanted.next()).id, e.id)
    const ephemeral = await listen([{ kinds: [24880], authors: [author], limit: 0 }])
    const hand = sign({ kind: 24880 })
    await within(other.publish(hand), 'OK')
    assert.equal((await ephemeral.next()).id, hand.id)
    assert.deepEqual(await query([{ kinds: [24880], authors: [author] }]), [], 'ephemeral events are not stored')
    assert.equal(unwanted.left(), 0)
    for (const s of [wanted, unwanted, ephemeral]) s.close()
  })

  test('keeps the latest of replaceable and addressable events', async () => {
    const at = now() - 100
    for (const [kind, tags] of [[0, []], [10002, []], [30023, [['d', 'one']]]]) {
      const [old, young] = [1, 2].map((n) => sign({ kind, tags, created_at: at + n, content: kind === 0 ? `{"name":"${n}"}` : `${n}` }))
      await within(relay.publish(young), 'OK')
      await within(relay.publish(old), 'an answer').catch(() => {}) // a relay may say either
      assert.deepEqual((await query([{ kinds: [kind], authors: [author] }])).map((e) => e.id), [young.id])
    }
    const ties = [1, 2, 3].map((n) => sign({ kind: 30023, created_at: at, tags: [['d', 'tie']], content: `${n}` }))
    for (const e of ties) await within(relay.publish(e), 'an answer').catch(() => {})
    const lowest = ties.map((e) => e.id).sort()[0]
    assert.deepEqual((await query([{ kinds: [30023], authors: [author], '#d': ['tie'] }])).map((e) => e.id), [lowest])
  })

  test('obeys deletion requests of the author alone, and remembers them', async () => {
    const mine = sign({ kind: 1, content: 'to be deleted', created_at: now() - 5 })
    await within(relay.publish(mine), 'OK')
    const stranger = generateSecretKey()
    await within(relay.publish(sign({ kind: 5, tags: [['e', mine.id], ['k', '1']] }, stranger)), 'an answer').catch(() => {})
    assert.equal((await query([{ ids: [mine.id] }])).length, 1)
    await within(relay.publish(sign({ kind: 5, tags: [['e', mine.id], ['k', '1']] })), 'OK')
    assert.equal((await query([{ ids: [mine.id] }])).length, 0)
    await assert.rejects(within(relay.publish(mine), 'OK'), /^Error: blocked: /)
  })

  test('counts', async () => {
    const topic = `topic-${author.slice(0, 8)}`
    for (let n = 0; n < 5; n++) {
      await within(relay.publish(sign({ kind: 1, content: `${n}`, tags: [['t', topic]] })), 'OK')
    }
    assert.equal(await within(relay.count([{ '#t': [topic] }], {}), 'COUNT'), 5)
    assert.equal(await within(relay.count([{ '#t': [topic] }, { '#t': [topic], kinds: [1] }], {}), 'COUNT'), 5)
  })

  test('takes a hundred events in one go', async () => {
    const many = generateSecretKey()
    const events = Array.from({ length: 100 }, (_, n) => sign({ kind: 1, content: `${n}`, created_at: now() - 200 + n }, many))
    const answers = await within(Promise.all(events.map((e) => relay.publish(e))), 'a hundred OKs')
    assert.deepEqual(new Set(answers), new Set(['']))
    const found = await query([{ authors: [getPublicKey(many)], limit: 100 }])
    assert.deepEqual(found.map((e) => e.id), events.map((e) => e.id).reverse())
  })

  test('shows an inbox to its owner alone, after NIP-42', async () => {
    const ben = generateSecretKey()
    const toBen = [{ kinds: [1059], '#p': [getPublicKey(ben)] }]
    const wrap = nip59.wrapEvent({ kind: 14, content: 'for Ben only', tags: [] }, key, getPublicKey(ben))
    await within(relay.publish(wrap), 'OK')
    const login = async (who) => {
      const r = await connect()
      await assert.rejects(query(toBen, r), /auth-required: /)
      await within(r.auth((template) => Promise.resolve(finalizeEvent(template, who))), 'OK of AUTH')
      return r
    }
    const bens = await login(ben)
    const found = await query(toBen, bens)
    assert.deepEqual(found.map((e) => e.id), [wrap.id])
    assert.equal(nip59.unwrapEvent(found[0], ben).content, 'for Ben only')
    const cems = await login(generateSecretKey())
    await assert.rejects(query(toBen, cems), /restricted: /)
  })

  test('takes a protected event from its author alone (NIP-70)', async () => {
    const r = await connect()
    const e = sign({ kind: 1, content: 'protected', tags: [['-']] })
    await assert.rejects(within(r.publish(e), 'OK'), /auth-required: /)
    await within(r.auth((template) => Promise.resolve(finalizeEvent(template, key))), 'OK of AUTH')
    await within(r.publish(e), 'OK')
  })

  test('answers a pool', async () => {
    const pool = new SimplePool()
    const e = sign({ kind: 1, content: 'through a pool' })
    await within(Promise.all(pool.publish([url], e)), 'OK')
    const found = await within(pool.querySync([url], { ids: [e.id] }), 'the answer')
    assert.deepEqual(found.map((f) => f.id), [e.id])
    pool.close([url])
    pool.destroy?.()
  })

  test('describes itself (NIP-11)', async () => {
    const info = await within(fetchRelayInformation(url), 'the document')
    for (const nip of [1, 9, 11, 40, 42, 45, 70]) {
      assert.ok(info.supported_nips.includes(nip), `NIP-${nip} is announced`)
    }
    assert.ok(info.limitation.max_message_length >= 128 << 10)
  })

  test('speaks NIP-19 names that fit', () => {
    const { data } = nip19.decode(nip19.npubEncode(author))
    assert.equal(data, author)
  })

  test('refuses a web page that the owner does not know, with a next step', async () => {
    const page = await talk({ origin: 'https://unknown.example' })
    const e = sign({ kind: 1, content: 'from a page' })
    page.say(['EVENT', e])
    const [label, id, taken, why] = await page.hear()
    assert.deepEqual([label, id, taken], ['OK', e.id, false])
    assert.match(why, /^restricted: .*allow/)
    page.say(['REQ', 's', { kinds: [1], limit: 1 }])
    assert.equal((await page.hear())[0], 'EVENT', 'public posts are shown')
    page.close()
  })

  test('says what is wrong with a message and goes on', async () => {
    const c = await talk()
    c.say({ not: 'a message' })
    assert.match((await c.hear())[1], /^invalid: /)
    c.say(['REQ', 's', { kinds: 'all' }])
    const [label, sub, why] = await c.hear()
    assert.deepEqual([label, sub], ['CLOSED', 's'])
    assert.match(why, /^invalid: /)
    c.say(['COUNT', 'n', { kinds: [65000] }])
    assert.deepEqual(await c.hear(), ['COUNT', 'n', { count: 0 }])
    c.close()
  })
})
