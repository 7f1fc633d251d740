// NDK against a node.
import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'

import { now, url, within } from './relay.mjs'
import NDK, { NDKEvent, NDKPrivateKeySigner, NDKRelayAuthPolicies, NDKRelaySet } from '@nostr-dev-kit/ndk'

describe('NDK', () => {
  let ndk, relays

  const connect = async () => {
    const fresh = new NDK({ explicitRelayUrls: [url], signer: NDKPrivateKeySigner.generate(), enableOutboxModel: false })
    await within(fresh.connect(5000), 'the connection')
    await within(new Promise((resolve) => {
      if (fresh.pool.connectedRelays().length) resolve()
      fresh.pool.on('relay:connect', () => resolve())
    }), 'the relay to be connected')
    return fresh
  }
  const leave = (who) => { for (const relay of who.pool.relays.values()) relay.disconnect() }
  const make = async (fields, by = ndk) => {
    const e = new NDKEvent(by, { created_at: now(), tags: [], content: '', ...fields })
    await e.sign()
    return e
  }
  const fetchIDs = async (filter, by = ndk) =>
    [...(await within(by.fetchEvents(filter, { closeOnEose: true, cacheUsage: 'ONLY_RELAY' }), 'the stored answer'))].map((e) => e.id)

  before(async () => {
    ndk = await connect()
    relays = NDKRelaySet.fromRelayUrls([url], ndk)
  })
  after(() => leave(ndk))

  test('publishes and reads back', async () => {
    const e = await make({ kind: 1, content: 'from NDK é😀' })
    assert.equal((await within(e.publish(relays), 'OK')).size, 1)
    const found = await within(ndk.fetchEvent({ ids: [e.id] }), 'the event')
    assert.equal(found.content, 'from NDK é😀')
    assert.ok(found.verifySignature(false))
  })

  test('delivers live', async () => {
    const { pubkey } = ndk.activeUser
    const got = new Promise((resolve) => {
      ndk.subscribe({ kinds: [7], authors: [pubkey], since: now() - 1 }, { closeOnEose: false }, { onEvent: resolve })
    })
    const e = await make({ kind: 7, content: '+' })
    await within(e.publish(relays), 'OK')
    assert.equal((await within(got, 'the live event')).id, e.id)
  })

  test('replaces a profile', async () => {
    const { pubkey } = ndk.activeUser
    for (const [n, name] of ['old', 'new'].entries()) {
      await within((await make({ kind: 0, content: JSON.stringify({ name }), created_at: now() - 10 + n })).publish(relays), 'OK')
    }
    const found = await within(ndk.fetchEvents({ kinds: [0], authors: [pubkey] }), 'the profile')
    assert.deepEqual([...found].map((e) => JSON.parse(e.content).name), ['new'])
  })

  test('deletes', async () => {
    const e = await make({ kind: 1, content: 'to be deleted', created_at: now() - 5 })
    await within(e.publish(relays), 'OK')
    assert.deepEqual(await fetchIDs({ ids: [e.id], kinds: [1] }), [e.id])
    const request = await e.delete('wrong word', false)
    await within(request.publish(relays), 'OK')
    assert.deepEqual(await fetchIDs({ ids: [e.id], kinds: [1] }), [])
  })

  test('counts', async () => {
    const topic = `ndk-${ndk.activeUser.pubkey.slice(0, 8)}`
    for (let n = 0; n < 3; n++) {
      await within((await make({ kind: 1, content: `${n}`, tags: [['t', topic]] })).publish(relays), 'OK')
    }
    assert.equal((await within(relays.count([{ '#t': [topic] }]), 'COUNT')).count, 3)
  })

  test('signs in when it is asked to, and gets its own messages', async () => {
    const ben = await connect()
    ben.relayAuthDefaultPolicy = NDKRelayAuthPolicies.signIn({ ndk: ben })
    for (const relay of ben.pool.relays.values()) relay.authPolicy = ben.relayAuthDefaultPolicy
    const { pubkey } = await ben.signer.user()
    const wrap = await make({ kind: 1059, content: 'sealed', tags: [['p', pubkey]] })
    await within(wrap.publish(relays), 'OK')
    const got = new Promise((resolve) => {
      ben.subscribe({ kinds: [1059], '#p': [pubkey] }, { closeOnEose: false }, { onEvent: resolve })
    })
    assert.equal((await within(got, 'the message after AUTH')).id, wrap.id)
    leave(ben)
  })
})
