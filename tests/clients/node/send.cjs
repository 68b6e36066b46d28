// Sends events with a client of Segment or RudderStack for Node, as the test asks on the command
// line, and says in one line of JSON what the client reported.
'use strict'

const asked = JSON.parse(process.argv[2])
const errors = []
const wait = (ms) => new Promise((done) => setTimeout(done, ms))

function events() {
  if (asked.kinds) {
    const u = asked.users[0]
    return [
      ['identify', { userId: u, traits: { email: asked.email } }],
      ['track', { userId: u, event: 'Order Completed', properties: { total: 12.5 } }],
      ['page', { userId: u, category: 'Docs', name: 'Start', properties: { url: 'https://example.org/' } }],
      ['screen', { userId: u, category: 'Apps', name: 'Cart' }],
      ['group', { userId: u, groupId: 'g1', traits: { name: 'ACME' } }],
      ['alias', { userId: u, previousId: asked.users[1] }],
    ]
  }
  return Array.from({ length: asked.events }, (_, n) => [
    'track',
    {
      userId: asked.users[n % asked.users.length],
      event: 'Product Viewed',
      properties: { n, name: '帐篷 Zelt 🏕', text: 'x'.repeat(asked.text || 0) },
    },
  ])
}

async function segment() {
  const { Analytics } = require('@segment/analytics-node')
  const client = new Analytics({
    writeKey: asked.key,
    host: asked.host,
    flushAt: asked.flushAt,
    flushInterval: 50,
    maxRetries: asked.retries,
    httpRequestTimeout: asked.timeout,
  })
  client.on('error', (error) => errors.push(String(error.reason?.message || error.message || error.code)))
  for (const [kind, event] of events()) {
    client[kind](event)
    if (asked.pause) await wait(asked.pause)
  }
  await client.closeAndFlush({ timeout: 20000 })
}

async function rudderstack() {
  const Analytics = require('@rudderstack/rudder-sdk-node')
  const options = {
    dataPlaneUrl: asked.host,
    flushAt: asked.flushAt,
    flushInterval: 50,
    retryCount: asked.retries,
    gzip: asked.gzip,
    timeout: asked.timeout,
    logLevel: 'none',
  }
  if (asked.handles) options.errorHandler = (error) => errors.push(String(error.message))
  const client = new Analytics(asked.key, options)
  const sent = []
  for (const [kind, event] of events()) {
    sent.push(new Promise((done) => client[kind](event, done)))
    if (asked.pause) await wait(asked.pause)
  }
  await Promise.all(sent)
}

const run = { segment, rudderstack }[asked.vendor]
run().then(() => {
  process.stdout.write(JSON.stringify({ errors }) + '\n')
  process.exit(0)
})
