import { describe, expect, it } from 'vitest'
import { type Confinement, combineConfinement } from '../../../src/core/model/confinement.ts'
import { confinementMarkdown, confinementNotes, confinementText } from '../../../src/reporters/confinement.ts'

const entry = (more: Partial<Confinement> = {}): Confinement => ({
  role: 'guest',
  programs: ['sysbench'],
  processes: 1,
  threads: 2,
  seccomp: 'filter',
  filters: 1,
  calls: { allowed: ['read', 'write'], conditional: ['clone'], supervised: [], otherInterfaces: ['i386'], known: 384 },
  noNewPrivileges: true,
  capabilities: ['chown'],
  boundingCapabilities: ['chown', 'kill'],
  user: 100000,
  sharedNamespaces: ['time', 'user'],
  lsmLabel: null,
  hostFiles: ['<sandbox>/boot.log'],
  devices: ['/dev/kvm'],
  kernelObjects: ['eventpoll'],
  ...more,
})

const rowsOf = (text: string) =>
  text
    .split('\n')
    .filter((line) => line.startsWith('  ') && !line.includes('no_new_privs'))
    .map((line) => line.trim().split(/ {2,}/))

describe('the table of confinement', () => {
  it('has a row for each kind, what a guest reaches first, without programs of isobench', () => {
    const confinement = [
      entry({ role: 'daemon', seccomp: 'none', calls: null, programs: ['dockerd'], user: 0 }),
      entry({ role: 'scaffold', programs: ['sleep'] }),
      entry(),
    ]
    const text = confinementText([{ platform: 'docker', confinement, used: { guest: ['read'] } }])
    expect(rowsOf(text)).toEqual([
      [
        'docker',
        'guest',
        'sysbench',
        '1',
        '2 + 1 in part, i386',
        '1',
        '2',
        'yes',
        '100000',
        'time user',
        '–',
        '/dev/kvm',
        '1',
      ],
      ['docker', 'daemon', 'dockerd', '–', 'all', '1', '2', 'yes', '0', 'time user', '–', '/dev/kvm', '1'],
    ])
    expect(text).toContain('Of 384 known system calls')
  })

  it('says which filters could not be read, and never calls them open', () => {
    const confinement = [entry({ role: 'sentry', calls: null, callsProblem: 'Operation not permitted' })]
    const platforms = [{ platform: 'gvisor-ptrace', confinement, used: {} }]
    expect(rowsOf(confinementText(platforms))[0]![4]).toBe('?')
    expect(confinementNotes(platforms).at(-1)).toBe('? of gvisor-ptrace sentry: Operation not permitted.')
  })

  it('is safe in Markdown, whatever a guest calls its programs', () => {
    const confinement = [entry({ programs: ['a|b\n# <b>'] })]
    const [row] = confinementMarkdown([{ platform: 'runc', confinement, used: {} }])
      .split('\n')
      .filter((line) => line.startsWith('| runc'))
    expect(row!.match(/(?<!\\)\|/g)).toHaveLength(14)
    expect(row).not.toContain('<b>')
  })

  it('is empty without entries', () => {
    expect(confinementText([])).toBe('')
    expect(confinementMarkdown([{ platform: 'runc', confinement: [], used: {} }])).toBe('')
  })
})

it('combines samples: the most processes, and everything that any of them had open', () => {
  const other = entry({ programs: ['sh'], processes: 3, hostFiles: ['/etc/hosts'], devices: [] })
  expect(combineConfinement([entry(), other, entry({ user: 0 })])).toEqual([
    entry({ programs: ['sh', 'sysbench'], processes: 3, hostFiles: ['/etc/hosts', '<sandbox>/boot.log'] }),
    entry({ user: 0 }),
  ])
})
