import { describe, expect, it } from 'vitest'
import * as tools from '../../../src/tools/index.ts'
import { mariadb } from '../../../src/tools/mariadb.ts'
import { memcached } from '../../../src/tools/memcached.ts'
import { expectNoTruncatedFigure, expectRefusals, fixture } from './fixtures.ts'

describe('memcached', () => {
  const load = fixture('memcaslap-1.1.4-load.txt')
  const client = { host: '10.0.0.2', threads: 2, concurrency: 8, valueSize: 100, seconds: 3 }

  it('serves, answers and is loaded', () => {
    expect(memcached.server({ memory: 64, threads: 2 }).argv.join(' ')).toBe(
      'memcached -u root -l 0.0.0.0 -p 11211 -U 0 -m 64 -t 2',
    )
    expect(memcached.ready({ host: '10.0.0.2' }).argv.join(' ')).toBe('memcping --servers=10.0.0.2:11211')
    expect(memcached.client(client).argv.join(' ')).toBe(
      'memcaslap --servers=10.0.0.2:11211 --threads=2 --concurrency=8 --fixed_size=100 --time=3s --stat_freq=3s',
    )
    expect(() => memcached.client({ ...client, concurrency: 7 })).toThrow(/multiple of threads/)
  })

  it('reads the report of its client', () => {
    const report = { operationsPerSecond: 57468, operations: 115180, meanUs: 69, seconds: 2 }
    expect(memcached.parse(load)).toEqual(report)
  })

  it('refuses a run without a server', () => {
    expect(() => memcached.parse(fixture('memcaslap-1.1.4-refused.txt'))).toThrow(/no "Total Statistics"/)
  })

  it('reads no part of a report, and nothing else', () => {
    expectNoTruncatedFigure(load, memcached.parse)
    expectRefusals(load, '57468', memcached.parse)
    expectRefusals(load, 'Avg:        69', memcached.parse)
  })
})

describe('mariadb', () => {
  const socket = '/run/m.sock'
  const account = { socket, database: 'sbtest', user: 'bench', password: 'bench' }

  it('is installed, serves and stops', () => {
    expect(mariadb.install({ dataDir: '/data/my' }).argv.join(' ')).toBe(
      'mariadb-install-db --no-defaults --user=root --auth-root-authentication-method=normal --skip-test-db ' +
        '--datadir=/data/my',
    )
    const server =
      'mariadbd --no-defaults --user=root --datadir=/data/my --socket=/run/m.sock --pid-file=/run/m.sock.pid'
    expect(mariadb.server({ dataDir: '/data/my', socket, bufferPool: 16 }).argv.join(' ')).toBe(
      `${server} --skip-networking --skip-name-resolve ` +
        '--innodb-buffer-pool-size=16M --innodb-flush-log-at-trx-commit=1',
    )
    const open = mariadb.server({ dataDir: '/data/my', socket, port: 3306, bufferPool: 16, flushLog: 0 })
    expect(open.argv.slice(6)).toEqual([
      '--bind-address=0.0.0.0',
      '--port=3306',
      '--skip-name-resolve',
      '--innodb-buffer-pool-size=16M',
      '--innodb-flush-log-at-trx-commit=0',
    ])
    const admin = 'mariadb-admin --no-defaults --user=root --socket=/run/m.sock'
    expect(mariadb.ready({ socket }).argv.join(' ')).toBe(`${admin} ping`)
    expect(mariadb.shutdown({ socket }).argv.join(' ')).toBe(`${admin} shutdown`)
  })

  it('gets a database and an account', () => {
    expect(mariadb.create(account).argv.at(-1)).toBe(
      "--execute=CREATE DATABASE sbtest; CREATE USER 'bench'@'%' IDENTIFIED BY 'bench'; " +
        "GRANT ALL ON sbtest.* TO 'bench'@'%'",
    )
  })

  it.each(['', "a'", 'a b', 'a;b', 'a`', 'a\n'])('refuses %j as a name or password', (bad) => {
    for (const what of ['database', 'user', 'password']) {
      expect(() => mariadb.create({ ...account, [what]: bad })).toThrow(TypeError)
    }
  })
})

describe('isobench/tools', () => {
  it('is every tool, and what they share', () => {
    const shared = ['ToolOutputError', 'command', 'parseNumber']
    const each = [
      ...['calls', 'ffmpeg', 'fio', 'iperf3', 'mariadb', 'mbw', 'memcached', 'memory', 'netperf', 'nodeTests'],
      ...['periodic', 'pip', 'pythonTests', 'seeds', 'sqlite', 'sysbench', 'tinymembench', 'ycsb'],
    ]
    expect(Object.keys(tools).sort()).toEqual([...shared, ...each].sort())
  })
})
