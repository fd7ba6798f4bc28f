import { describe, expect, it } from 'vitest'
import { iperf3 } from '../../../src/tools/iperf3.ts'
import { netperf } from '../../../src/tools/netperf.ts'
import { expectNoTruncatedFigure, expectRefusals, fixture } from './fixtures.ts'

describe('iperf3', () => {
  const tcp = fixture('iperf3-3.12-tcp.json')

  it('serves one client, or all', () => {
    expect(iperf3.server().argv.join(' ')).toBe('iperf3 -s -1 -4 -p 5201')
    expect(iperf3.server({ once: false, port: 7 }).argv.join(' ')).toBe('iperf3 -s -4 -p 7')
  })

  it('connects', () => {
    expect(iperf3.client({ host: '10.0.0.2', seconds: 3, omit: 1 }).argv.join(' ')).toBe(
      'iperf3 -c 10.0.0.2 -4 -p 5201 -t 3 -O 1 -P 1 -i 0.1 -J',
    )
    expect(iperf3.client({ host: 'h', port: 7, seconds: 3, streams: 2, reverse: true }).argv.join(' ')).toBe(
      'iperf3 -c h -4 -p 7 -t 3 -O 0 -P 2 -i 0.1 -R -J',
    )
    expect(() => iperf3.client({ host: 'h', seconds: 0 })).toThrow(TypeError)
  })

  it.each([
    ['3.12-tcp', 19362322218.822067, 6, 36.02524677675938, 59.07064447302888, 1.999908],
    ['3.18-tcp', 20659001307.565887, 0, 39.4381275669599, 55.42741460502576, 2.000664],
    ['3.18-reverse', 33001120847.006973, 26, 85.24434577108, 66.5178233180602, 1.001928],
    ['3.22-tcp', 16180209987.436966, 2, 23.86136010088366, 23.413937007559465, 1.997129],
    ['3.22-reverse', 13444579910.089676, 5, 26.054284088774242, 17.03843181891639, 1.999103],
  ])('reads %s', (name, bitsPerSecond, retransmits, hostPercent, remotePercent, seconds) => {
    const cpu = { hostPercent, remotePercent }
    expect(iperf3.parse(fixture(`iperf3-${name}.json`))).toEqual({ bitsPerSecond, retransmits, cpu, seconds })
  })

  it('leaves out retransmits that the sender does not know', () => {
    const report = JSON.parse(tcp)
    delete report.end.sum_sent.retransmits
    expect(iperf3.parse(JSON.stringify(report))).not.toHaveProperty('retransmits')
  })

  it.each(['3.12', '3.18', '3.22'])('refuses the report of a client of %s that failed', (version) => {
    expect(() => iperf3.parse(fixture(`iperf3-${version}-refused.json`))).toThrow(
      /the client failed: .*Connection refused/,
    )
  })

  it.each(['3.12', '3.18', '3.22'])(
    'recognizes that nothing listened for the client of %s, and no other failure or success',
    (version) => {
      const refused = fixture(`iperf3-${version}-refused.json`)
      expect(iperf3.isRefused(refused)).toBe(true)
      expect(iperf3.isRefused(refused.replace('Connection refused', 'Connection reset by peer'))).toBe(true)
      expect(iperf3.isRefused(refused.replace('Connection refused', 'No route to host'))).toBe(false)
      expect(iperf3.isRefused(tcp)).toBe(false)
      expect(iperf3.isRefused('')).toBe(false)
    },
  )

  it('refuses a report where nothing arrived', () => {
    const report = JSON.parse(tcp)
    report.end.sum_received.bits_per_second = 0
    expect(() => iperf3.parse(JSON.stringify(report))).toThrow('nothing was received')
  })

  it('refuses a report in which a connection is missing or received nothing', () => {
    const report = JSON.parse(fixture('iperf3-3.18-reverse.json'))
    const [first, second] = report.end.streams
    const parse = (streams: unknown) => iperf3.parse(JSON.stringify({ ...report, end: { ...report.end, streams } }))
    expect(() => parse([first])).toThrow('the report at the end does not have every connection')
    const silent = { ...second, receiver: { ...second.receiver, bytes: 0 } }
    expect(() => parse([first, silent])).toThrow('1 of 2 connections received nothing')
  })

  it.each(['', '-reverse'])('refuses the report%s of a connection that stalled after its first second', (way) => {
    const stalled = fixture(`iperf3-3.18-stalled${way}.json`)
    expect(() => iperf3.parse(stalled)).toThrow('the connection stalled: nothing moved in 1.0 s')
  })

  it('reads no part of a report, and nothing else', () => {
    expectNoTruncatedFigure(tcp, iperf3.parse)
    expectRefusals(tcp, '19362322218.822067', iperf3.parse)
    expectRefusals(tcp, '36.025246776759381', iperf3.parse)
  })
})

describe('netperf', () => {
  const tcp = fixture('netperf-2.7.1-tcp-rr.txt')
  const keys =
    'MIN_LATENCY,MEAN_LATENCY,P50_LATENCY,P90_LATENCY,P99_LATENCY,MAX_LATENCY,STDDEV_LATENCY,' +
    'TRANSACTION_RATE,ELAPSED_TIME,COMMAND_LINE,THROUGHPUT_UNITS'

  it('serves', () => {
    expect(netperf.server().argv.join(' ')).toBe('netserver -D -4 -p 12865')
  })

  it('exchanges requests and responses', () => {
    expect(netperf.rr({ protocol: 'tcp', host: '10.0.0.2', seconds: 2 }).argv.join(' ')).toBe(
      `netperf -4 -H 10.0.0.2 -p 12865 -t TCP_RR -l 2 -P 0 -- -r 100,200 -k ${keys}`,
    )
    const { argv } = netperf.rr({ protocol: 'udp', host: 'h', port: 7, seconds: 2, request: 1, response: 64 })
    expect(argv.join(' ')).toBe(`netperf -4 -H h -p 7 -t UDP_RR -l 2 -P 0 -- -r 1,64 -k ${keys}`)
  })

  it.each([
    ['2.7.0-tcp-rr', 4, 5.37, 5, 6, 9, 4101, 17.09, 185198.299],
    ['2.7.1-tcp-rr', 10, 30.69, 12, 12, 25, 222075, 922.08, 32549.293],
    ['2.7.1-udp-rr', 9, 27.4, 10, 10, 24, 30003, 337.51, 36449.405],
  ])('reads %s', (name, minUs, meanUs, p50Us, p90Us, p99Us, maxUs, stddevUs, transactionsPerSecond) => {
    const output = fixture(`netperf-${name}.txt`)
    // The report of 2.7.0 is from before isobench asked for the duration.
    const duration = 'ELAPSED_TIME=2.00\nCOMMAND_LINE="netperf -l 2 -P 0"\n'
    const whole = name.startsWith('2.7.0') ? output.replace('THROUGHPUT', `${duration}THROUGHPUT`) : output
    expect(netperf.parse(whole)).toEqual({
      minUs,
      meanUs,
      p50Us,
      p90Us,
      p99Us,
      maxUs,
      stddevUs,
      transactionsPerSecond,
    })
  })

  it('refuses a test without a server, or without an exchange', () => {
    expect(() => netperf.parse(fixture('netperf-2.7.1-no-server.txt'))).toThrow(/no "THROUGHPUT_UNITS/)
    expect(() => netperf.parse(tcp.replace('32549.293', '0.000'))).toThrow('TRANSACTION_RATE is 0')
  })

  it('reads a report without its last newline', () => {
    expect(netperf.parse(tcp.trimEnd())).toEqual(netperf.parse(tcp))
  })

  it('reads no part of a report, and nothing else', () => {
    expectNoTruncatedFigure(tcp, netperf.parse)
    expectRefusals(tcp, '32549.293', netperf.parse)
    expectRefusals(tcp, 'LATENCY=222075', netperf.parse)
  })
})
