import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { release as cloudHypervisor } from '../../../../src/platforms/cloud-hypervisor.ts'
import { release as firecracker } from '../../../../src/platforms/firecracker.ts'
import { releaseRequirement } from '../../../../src/platforms/shared/binaries.ts'

const workflow = readFileSync(join(import.meta.dirname, '../../../../.github/workflows/vm.yml'), 'utf8').replace(
  / \\\n\s+/g,
  ' ',
)

describe.each([firecracker, cloudHypervisor])('the release of $binary', (release) => {
  const { project, version, file, sha256 } = release

  it('is what the workflow installs and checks', () => {
    expect(workflow).toContain(`gh release download ${version} --repo ${project} --pattern ${file} `)
    expect(workflow).toContain(`${sha256}  ${file}\n`)
    expect(sha256).toMatch(/^[0-9a-f]{64}$/)
  })

  it('is named where the program is missing, and with no package of Debian’s', () => {
    const { binary, installHint: hint, package: debian } = releaseRequirement(release)
    expect(binary).toBe(release.binary)
    for (const part of [project, version, file, sha256]) expect(hint).toContain(part)
    expect(debian).toBeUndefined()
    expect(releaseRequirement(release, '/opt/it').binary).toBe('/opt/it')
  })
})
