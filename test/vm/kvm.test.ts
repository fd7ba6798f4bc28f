/** VMMs on a nested KVM, in a VM with emulated CPUs that have SVM. For hosts without KVM, or with a slow one. */

import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { basename, join } from 'node:path'
import { afterAll, beforeAll, describe, expect } from 'vitest'
import { errorOf } from '../../src/core/model/record.ts'
import { readRecord } from '../../src/core/records/record-file.ts'
import { removeResource } from '../../src/host/cleanup.ts'
import { CleanupJournal } from '../../src/host/journal.ts'
import { ensureKernel } from '../../src/vm/kernel.ts'
import { ensureImage } from '../e2e/support/host.ts'
import { testUnless } from '../e2e/support/skip.ts'
import { expectConformance, runConformance } from './support/conformance.ts'
import { runInVm } from './support/vm.ts'

const folders: string[] = []
afterAll(() => {
  for (const folder of folders) rmSync(folder, { recursive: true, force: true })
})
beforeAll(ensureImage)

/**
 * Programs that Debian does not have. The folder is in the VM's PATH, and its `opt` becomes /opt. Provisioned releases
 * are in `opt/isobench`.
 */
const binaries = process.env.ISOBENCH_VM_BINARIES

/** The config of each platform, its binaries or the release that has them, and whether it has a VMM start. */
const vmms: Readonly<
  Record<
    string,
    {
      readonly config: string
      readonly needs: readonly string[]
      readonly release?: string
      readonly vmmStart: boolean
    }
  >
> = {
  'qemu-microvm': {
    config: "platform('qemu', { name: 'qemu-microvm', machine: 'microvm' })",
    needs: [],
    vmmStart: true,
  },
  'qemu-q35': { config: "platform('qemu', { name: 'qemu-q35', machine: 'q35' })", needs: [], vmmStart: true },
  'gvisor-kvm': { config: "platform('gvisor', { name: 'gvisor-kvm', mode: 'kvm' })", needs: [], vmmStart: false },
  firecracker: {
    config: "platform('firecracker')",
    needs: ['firecracker'],
    release: 'firecracker',
    vmmStart: true,
  },
  'firecracker-jailed': {
    config: "platform('firecracker', { name: 'firecracker-jailed', jailer: true })",
    needs: ['firecracker', 'jailer'],
    release: 'firecracker',
    vmmStart: true,
  },
  'cloud-hypervisor': {
    config: "platform('cloud-hypervisor')",
    needs: ['cloud-hypervisor'],
    release: 'cloud-hypervisor',
    vmmStart: true,
  },
  kata: { config: "platform('kata')", needs: ['opt/kata/runtime-rs'], release: 'kata', vmmStart: false },
  'kata-go': {
    config: "platform('kata', { name: 'kata-go', runtime: 'go' })",
    needs: ['opt/kata/bin'],
    release: 'kata-go',
    vmmStart: false,
  },
}
const chosen = process.env.ISOBENCH_E2E_PLATFORMS?.split(',') ?? Object.keys(vmms)
/** How many boots must leave nothing, and how many of them are killed. */
const [boots, kill] = [4, 1]

const scriptOf = (name: string) => `
export PATH=/checkout/given:$PATH ISOBENCH_E2E_PLATFORMS=${name}
step() { echo "== $(cut -d' ' -f1 /proc/uptime) s: $*"; }
modprobe -a kvm_amd vhost_net vhost_vsock && ls -l /dev/kvm || exit
[ ! -d given/opt ] || cp -a given/opt/. /opt
mkdir -p /var/cache/isobench/kernels && cp -a kernels/. /var/cache/isobench/kernels
mkdir -p /project/benches && cp benches/startup/vmm-start.bench.ts /project/benches && cd /project || exit
echo "import { defineConfig, platform } from 'isobench'
export default defineConfig({ platforms: [platform('native'), ${vmms[name]!.config}] })" >isobench.config.ts
step doctor
node /checkout/bin/isobench.js doctor --json --platform ${name} >/results/doctor.json; cat /results/doctor.json
# The VM already has this disk, which saves reading half a gigabyte of files again.
step the disk of the image
disk=$(node -p 'const { artifacts } = JSON.parse(fs.readFileSync("/results/doctor.json"))
artifacts.find(({ name }) => name === "disk of the image")?.path ?? ""')
[ -z "$disk" ] ||
  { mkdir -p "$(dirname "$disk")" && dd if=/dev/disk/by-id/virtio-image of="$disk" bs=4M status=none || exit; }
step VMM start
node /checkout/bin/isobench.js run --rounds 2 --no-remeasure --reporter verbose
cp .isobench/runs/*.jsonl /results/vmm-start.jsonl
step leftovers
node /checkout/scripts/run-script.mjs evidence leftovers --boots ${boots} --kill ${kill} --platform ${name} |
  tee /results/leftovers
cd /checkout
step conformance
${runConformance}
code=$?
step done
exit $code
`

const missingBinaries = (name: string): string => {
  const { needs, release } = vmms[name]!
  const isGiven = (file: string) => binaries !== undefined && existsSync(join(binaries, file))
  const missing =
    release !== undefined && isGiven(join('opt/isobench', release)) ? [] : needs.filter((one) => !isGiven(one))
  if (missing.length === 0) return ''
  return binaries === undefined ? 'ISOBENCH_VM_BINARIES is not set' : `${binaries} has no ${missing.join(', ')}`
}

describe.each(Object.keys(vmms).filter((name) => chosen.includes(name)))('%s', (name) => {
  testUnless(missingBinaries(name), 'program-missing', 'passes the conformance suite on a nested KVM', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'isobench-machine-'))
    folders.push(folder)
    await using journal = CleanupJournal.start(`machine-${process.pid}`, removeResource)
    const kernel = await ensureKernel({ journal }, { debian: 'cloud' })
    const kernelFolder = join(kernel.vmlinux, '..')
    const files = {
      [`kernels/${basename(kernelFolder)}`]: kernelFolder,
      ...(binaries !== undefined && { given: binaries }),
    }
    const done = await runInVm({
      script: scriptOf(name),
      seconds: 5400,
      folder,
      svm: true,
      memoryMiB: 4096,
      files,
    })
    const doctor = JSON.parse(readFileSync(join(done.results, 'doctor.json'), 'utf8'))
    expect(doctor.kvm, done.log).toMatchObject({ state: 'nested' })
    expect(doctor.platforms, done.log).toMatchObject([{ name, available: true, cpuMode: 'nested' }])
    if (vmms[name]!.vmmStart) {
      const { samples } = readRecord(join(done.results, 'vmm-start.jsonl'))
      const counted = samples.filter(({ warmup }) => !warmup)
      expect(counted, done.log).toMatchObject([1, 2].map(() => ({ platform: name, accelerator: 'kvm' })))
      expect(counted.flatMap((one) => errorOf(one) ?? [])).toEqual([])
    }
    expectConformance(done, [name])
    expect(readFileSync(join(done.results, 'leftovers'), 'utf8'), done.log).toContain(' left 0 objects')
  })
})
