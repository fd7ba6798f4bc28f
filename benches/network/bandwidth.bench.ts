import { bench, expect, higher, lower, workload } from 'isobench'
import { iperf3 } from 'isobench/tools'

const port = 5201

/**
 * iperf3 over one TCP connection between the guest and isobench's client: the paper's network throughput (§3.4, Fig. 11).
 * The paper's client sends to a server in the guest (`to: 'guest'`); the way back is measured too, since network stacks
 * differ by direction. Native is a network namespace and a veth like everybody's, not the paper's second machine.
 *
 * The paper measures 15 s five times; here it is the profile's seconds in each round, after a second for TCP to find its
 * window. Where the client has no CPU time to spare, the report says so. Retransmits are the sender's: with `to: 'client'`
 * that is the guest's stack, and gVisor's always says 0.
 */
const transfer = workload('TCP throughput', {
  metrics: { bandwidth: higher('Gbit/s'), retransmits: lower('count') },
  params: { to: ['guest', 'client'] },
  async run({ guest, client, seconds, params: { to } }) {
    // It serves more than once, because the knock that waits for it is a connection too.
    await using server = await guest.serve(iperf3.server({ port, once: false }), { port })
    const time = { seconds: Math.ceil(seconds), omit: 1 }
    const { stdout } = await client.exec(
      iperf3.client({ host: server.address, port, ...time, reverse: to === 'client' }),
    )
    const { bitsPerSecond, retransmits } = iperf3.parse(stdout)
    if (retransmits === undefined) throw new Error('the sender does not tell how many segments it sent again')
    return { bandwidth: bitsPerSecond / 1e9, retransmits }
  },
})

/** A shared machine's network throughput is noisy, and gVisor's stack is slow by design: shown, not gated. */
export const network = bench('network bandwidth', transfer, {
  tags: ['network', 'slow', 'figure-11'],
  expect: { bandwidth: expect.warn.withinNative(25) },
})
