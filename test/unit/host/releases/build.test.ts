import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { missing } from '../../../../src/host/packages.ts'
import { findBuild } from '../../../../src/host/releases/build.ts'
import { emptyReleases } from '../../../support/releases.ts'

const releases = emptyReleases()
const vmm = { release: 'firecracker', program: 'firecracker' }
const add = (version: string) =>
  releases.install('firecracker', version, { firecracker: { path: 'firecracker', text: '#!/bin/sh\n' } })

describe('the build of a program', () => {
  it('is that of the config, then the version of the config, then the newest release, then that of PATH', () => {
    expect(findBuild(vmm, {})).toEqual({ ...vmm, source: 'path', binary: 'firecracker' })
    const [older, newer] = [add('1.9.0'), add('1.17.0')]
    const program = (folder: string) => join(folder, 'firecracker')
    expect(findBuild(vmm, {})).toEqual({ ...vmm, source: 'provisioned', binary: program(newer), version: '1.17.0' })
    expect(findBuild(vmm, { version: '1.9.0' })).toMatchObject({ binary: program(older), version: '1.9.0' })
    expect(findBuild(vmm, { binary: '/my/build' })).toEqual({ ...vmm, source: 'config', binary: '/my/build' })
  })

  it('stays the same in a process, so that a run does not change to a release that is provisioned during it', () => {
    add('1.9.0')
    expect(findBuild(vmm, {}).version).toBe('1.9.0')
    add('1.17.0')
    expect(findBuild(vmm, {}).version).toBe('1.9.0')
    expect(findBuild(vmm, { version: '1.17.0' }).version).toBe('1.17.0')
  })

  it('of a version that is not provisioned is missing, whatever else is installed', () => {
    add('1.17.0')
    const build = findBuild({ release: 'firecracker', program: 'sh' }, { version: '1.16.2' })
    expect(build.binary).toBe(join(releases.folder(), 'firecracker/1.16.2/sh'))
    expect(missing([{ binary: build.binary, build }])).toHaveLength(1)
  })

  it('is not one of a release without the program', () => {
    add('1.17.0')
    expect(findBuild({ release: 'firecracker', program: 'jailer' }, {}).source).toBe('path')
  })
})
