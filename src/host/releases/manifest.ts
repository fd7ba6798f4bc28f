/** The official releases that isobench can install, with their digests. Versions and digests are data, not logic. */

import { compareVersions, hostArch, type Release, type ReleaseArch, type ReleaseFile } from './release.ts'

const github = (project: string, tag: string, file: string) =>
  `https://github.com/${project}/releases/download/${tag}/${file}`

const unpublishedDigests = 'The project publishes no digests; others computed these from their own downloads.'

type Digest = Pick<ReleaseFile, 'sha256' | 'sha512' | 'statedBy' | 'size'>

/** The programs are installed without the version in their names, because the jailer names its chroot after them. */
function firecracker(version: string, arch: ReleaseArch, digest: Digest, released?: string): Release {
  const program = (name: string) => ({ path: `release-v${version}-${arch}/${name}-v${version}-${arch}`, as: name })
  return {
    name: 'firecracker',
    version,
    arch,
    ...(released !== undefined && { released }),
    license: 'Apache-2.0',
    files: [
      {
        url: github('firecracker-microvm/firecracker', `v${version}`, `firecracker-v${version}-${arch}.tgz`),
        ...digest,
        archive: 'tar.gz',
        members: [program('firecracker'), program('jailer')],
      },
    ],
    programs: { firecracker: 'firecracker', jailer: 'jailer' },
    needsKvm: true,
    platforms: ['firecracker', 'osv'],
  }
}

function cloudHypervisor(
  version: string,
  arch: ReleaseArch,
  digests: { readonly vmm: Digest; readonly remote: Digest },
  released?: string,
): Release {
  const suffix = arch === 'x86_64' ? '' : `-${arch}`
  const file = (name: string, digest: Digest): ReleaseFile => ({
    url: github('cloud-hypervisor/cloud-hypervisor', `v${version}`, `${name}-static${suffix}`),
    ...digest,
    archive: 'none',
    members: [{ path: `${name}-static${suffix}`, as: name }],
  })
  return {
    name: 'cloud-hypervisor',
    version,
    arch,
    ...(released !== undefined && { released }),
    license: 'Apache-2.0 AND BSD-3-Clause',
    files: [file('cloud-hypervisor', digests.vmm), file('ch-remote', digests.remote)],
    programs: { 'cloud-hypervisor': 'cloud-hypervisor', 'ch-remote': 'ch-remote' },
    needsKvm: true,
    platforms: ['cloud-hypervisor'],
    notes: unpublishedDigests,
  }
}

/** A file that is installed as it is. */
const plain = (url: string, digest: Digest, as: string): ReleaseFile => ({
  url,
  ...digest,
  archive: 'none',
  members: [{ path: url.slice(url.lastIndexOf('/') + 1), as }],
})

const firecrackerKernel = (version: string, arch: ReleaseArch, digest: Digest): Release => ({
  name: 'firecracker-kernel',
  version: `${version}-20260930`,
  arch,
  released: '2026-09-30',
  license: 'GPL-2.0-only',
  files: [
    plain(
      `https://s3.amazonaws.com/spec.ccfc.min/firecracker-ci/20260930-a738f18a8db0-0/${arch}/vmlinux-${version}`,
      digest,
      'vmlinux',
    ),
  ],
  programs: { vmlinux: 'vmlinux' },
  needsKvm: true,
  platforms: ['firecracker'],
  notes: 'The project deletes old builds of its guest kernels, and one kernel version has several builds.',
})

const cloudHypervisorKernel = (arch: ReleaseArch, file: string, digest: Digest): Release => ({
  name: 'cloud-hypervisor-kernel',
  version: '6.16.9-20260508',
  arch,
  released: '2026-05-08',
  license: 'GPL-2.0-only',
  files: [plain(github('cloud-hypervisor/linux', 'ch-release-v6.16.9-20260508', file), digest, 'vmlinux')],
  programs: { vmlinux: 'vmlinux' },
  needsKvm: true,
  platforms: ['cloud-hypervisor'],
  notes: unpublishedDigests,
})

const hypervisorFirmware = (arch: ReleaseArch, file: string, digest: Digest): Release => ({
  name: 'hypervisor-firmware',
  version: '0.5.0',
  arch,
  license: 'Apache-2.0',
  files: [plain(github('cloud-hypervisor/rust-hypervisor-firmware', '0.5.0', file), digest, 'hypervisor-fw')],
  programs: { 'hypervisor-fw': 'hypervisor-fw' },
  needsKvm: true,
  platforms: ['cloud-hypervisor'],
  notes: unpublishedDigests,
})

const kataProject = 'kata-containers/kata-containers'

function kata(runtime: 'rust' | 'go', version: string, arch: ReleaseArch, digest: Digest, released?: string): Release {
  const prefix = runtime === 'rust' ? 'kata-static' : 'kata-go-static'
  const shim = `${runtime === 'rust' ? 'runtime-rs/bin' : 'bin'}/containerd-shim-kata-v2`
  return {
    name: runtime === 'rust' ? 'kata' : 'kata-go',
    version,
    arch,
    ...(released !== undefined && { released }),
    license: 'Apache-2.0 AND GPL-2.0-only',
    files: [
      {
        url: github(kataProject, version, `${prefix}-${version}-${arch === 'x86_64' ? 'amd64' : 'arm64'}.tar.zst`),
        ...digest,
        archive: 'tar.zst',
        members: { bundle: 'opt/kata' },
      },
    ],
    programs: { 'containerd-shim-kata-v2': shim },
    needsKvm: true,
    platforms: ['kata'],
    notes: 'The archive contains QEMU, Cloud Hypervisor, a guest kernel and an image, which have other licenses.',
  }
}

/** Since July 2026 `runsc` needs the programs in `gvisor-bin/` beside it, so everything is installed. */
const gvisor = (version: string, arch: ReleaseArch, digest: Digest): Release => ({
  name: 'gvisor',
  version,
  arch,
  released: version.replace(/^(\d{4})(\d\d)(\d\d).*/, '$1-$2-$3'),
  license: 'Apache-2.0',
  files: [
    {
      url: `https://storage.googleapis.com/gvisor/releases/release/${version}/${arch}/gvisor.tar.bz2`,
      ...digest,
      archive: 'tar.bz2',
      members: { bundle: '.' },
    },
  ],
  programs: {
    runsc: 'runsc',
    'containerd-shim-runsc-v1': 'containerd-shim-runsc-v1',
    gvisor_sentry: 'gvisor-bin/gvisor_sentry',
  },
  platforms: ['gvisor'],
  notes: 'The date is that of the release branch; releases are published some days later.',
})

const crun = (arch: ReleaseArch, debianArch: string, digest: Digest): Release => ({
  name: 'crun',
  version: '1.29.1',
  arch,
  license: 'GPL-2.0-or-later AND LGPL-2.1-or-later',
  files: [plain(github('containers/crun', '1.29.1', `crun-1.29.1-linux-${debianArch}`), digest, 'crun')],
  programs: { crun: 'crun' },
  platforms: ['crun'],
})

const youki = (arch: ReleaseArch, digest: Digest): Release => ({
  name: 'youki',
  version: '0.7.0',
  arch,
  released: '2026-07-23',
  license: 'Apache-2.0',
  files: [
    {
      url: github('youki-dev/youki', 'v0.7.0', `youki-0.7.0-${arch}-musl.tar.gz`),
      ...digest,
      archive: 'tar.gz',
      members: [{ path: 'youki', as: 'youki' }],
    },
  ],
  programs: { youki: 'youki' },
  platforms: ['youki'],
  ...(digest.statedBy === 0 && { notes: 'No public file states a digest of this build.' }),
})

const osvFile = (variant: string): ReleaseFile => ({
  url: github('cloudius-systems/osv', 'v0.57.0', `osv-loader${variant}.elf.x86_64.gz`),
  statedBy: 0,
  archive: 'gz',
  members: [{ path: `osv-loader${variant}.elf.x86_64`, as: `loader${variant}.elf` }],
})

/** Every release that isobench can install. The newest version of a name is the default. */
export const releases: readonly Release[] = [
  firecracker(
    '1.17.0',
    'x86_64',
    { sha256: '06094a1108ae9e82aa4c23a775aa92758f53f1175d422270d9d6162cb9ade558', statedBy: 10 },
    '2026-09-10',
  ),
  firecracker(
    '1.17.0',
    'aarch64',
    { sha256: 'e351ebe4f7a16b5873bbd51005d2e6767103cff4d5ebc829df2d3f95a93e2256', statedBy: 10 },
    '2026-09-10',
  ),
  firecracker(
    '1.16.1',
    'x86_64',
    {
      sha256: '382a02a869e4d6d5cb14c40577f9545e8458021ea8b0b2d3fc10ec14d9c242e6',
      statedBy: 10,
      size: 7_486_686,
    },
    '2026-07-02',
  ),
  firecracker(
    '1.16.1',
    'aarch64',
    { sha256: '8d0e69f6d6f9a1724551f607f18504052c16c1828ee3d4d7b6e6c73380871e0e', statedBy: 10 },
    '2026-07-02',
  ),
  firecracker('1.15.1', 'x86_64', {
    sha256: 'd4a32ab2322d887ca1bc4a4e7afa9cc35393e6362dfc2b3becb389d362e4275a',
    statedBy: 10,
  }),
  firecracker('1.15.1', 'aarch64', {
    sha256: '00654ac1e702a22744121ea9f10a4f792ebd7c3a744cba587dfac9fcb79b41a5',
    statedBy: 10,
  }),
  firecrackerKernel('6.18.51', 'x86_64', {
    sha256: '0545ba1781fc06cfa1d7699069057f4538103fd1644100cf0da434899a1ed447',
    statedBy: 10,
    size: 27_882_928,
  }),
  firecrackerKernel('6.1.186', 'x86_64', {
    sha256: 'ea0e55d03dbaebc79a58644308e0517b7a33f1530a84848d9edf47ffa61f69c8',
    statedBy: 5,
  }),
  firecrackerKernel('6.1.186', 'aarch64', {
    sha256: 'a4d2441d2c31116fcfc80c0e955ab3f46e131a3bd6a95a2c69ba66d4a7b6ccde',
    statedBy: 3,
  }),
  cloudHypervisor(
    '53.0',
    'x86_64',
    {
      vmm: {
        sha256: '448af3d4e59b22c2987f7df94c213ad40fb53a10d437e42b5ee6c4fce7c29ecc',
        statedBy: 10,
        size: 7_062_256,
      },
      remote: {
        sha256: '13f32ba952e6791fd901f2279be2055fbacc64005f96c42a8e90d58860df84a7',
        statedBy: 10,
        size: 1_798_776,
      },
    },
    '2026-07-12',
  ),
  cloudHypervisor(
    '53.0',
    'aarch64',
    {
      vmm: { sha256: 'f192b510eea1c710cbc439d716bb0573c223fc463dbe3e6523788a2b7ef62850', statedBy: 10 },
      remote: { sha256: 'ade26617f74264467e1381f146fd1face6b8b0fb13c5ec84f4acedd72f972596', statedBy: 5 },
    },
    '2026-07-12',
  ),
  cloudHypervisor('52.0', 'x86_64', {
    vmm: { sha256: '829af01ff075bb96c4f183905134c453a88d68cbabdc6b87df21098842581ee9', statedBy: 10 },
    remote: { sha256: 'd4e8709ed3ef8ba5c66d98770342a2d7c3c96174cfa9c5ae9e3e55de999869a3', statedBy: 3 },
  }),
  cloudHypervisor('52.0', 'aarch64', {
    vmm: { sha256: 'bf004ddc1a148f47caa87ac49a783b8dbd6bf9bc27abe522ed197df7b982d3b1', statedBy: 7 },
    remote: { sha256: '94d1dbcae65df9be8e5a2ec6ded9c6f8cbc1b3a0b95f199450146cdb9fb1b5bb', statedBy: 2 },
  }),
  cloudHypervisorKernel('x86_64', 'vmlinux-x86_64', {
    sha256: '9d3570b47d5abb069ca00edfbfcef4c68306a9c3d078a01f10082b258f1001b8',
    statedBy: 8,
  }),
  cloudHypervisorKernel('aarch64', 'Image-arm64', {
    sha256: '69d1b1235381ec50f1b45cf771a7dff4a9013d452833ab34682d6283e2114010',
    statedBy: 7,
  }),
  hypervisorFirmware('x86_64', 'hypervisor-fw', {
    sha256: '4a0a1e977368f6b15d2198a216bdedf9a350bf5e5ae07e29e695373ec16ad958',
    statedBy: 9,
    size: 135_960,
  }),
  hypervisorFirmware('aarch64', 'hypervisor-fw-aarch64', {
    sha256: '2a22aed888572ae319e231b85a7b4de951c7eca8857730300653512d064c8102',
    statedBy: 4,
  }),
  kata(
    'rust',
    '4.2.0',
    'x86_64',
    {
      sha256: 'b828904fa3f1e49ddd7dc799c72cb1503cd1e772d354c3987c8d4189b2a623a8',
      statedBy: 10,
      size: 996_647_537,
    },
    '2026-09-15',
  ),
  kata(
    'rust',
    '4.2.0',
    'aarch64',
    {
      sha256: '5dd4e9f2d5ea9e6bdfa2f476b3315335b58252366fcda2775a3094fc8fec376b',
      statedBy: 5,
      size: 653_631_272,
    },
    '2026-09-15',
  ),
  kata('rust', '4.1.0', 'x86_64', {
    sha256: '3dc6b69c4acb787b967b04b64599a20d02a8beb1a8eaab3084110df9d0b08c96',
    statedBy: 2,
    size: 969_565_384,
  }),
  kata(
    'go',
    '4.2.0',
    'x86_64',
    { sha256: '7dda31ca54b397cbf8165f620d6041872d3c45b7a77383ce0e86f76a06e103d0', statedBy: 3 },
    '2026-09-15',
  ),
  gvisor('20261005.0', 'x86_64', {
    sha512:
      '79869ae9a589355a46d46fdac068d9a954e741741ffe77c64e38c56ea955498c' +
      '1cb04e9bce44e1cce5155333e6b76bee72347c6661bb7c78fd2fe3aad198c8fe',
    statedBy: 3,
    size: 166_822_039,
  }),
  gvisor('20260921.0', 'x86_64', {
    sha512:
      '7c899979bed334f0987888c41e545cede8e1f7e67a257978c8de244c3867e32b' +
      'c30d08491e9af36720273c502acd01d8d86c9844ebcbe125790c43fe6bdf563e',
    statedBy: 3,
  }),
  gvisor('20260921.0', 'aarch64', {
    sha512:
      '9438f926b8fadee8c0b8c5c2c954cfc957618acd5d9e1d669e442a9366412dd8' +
      '794e210b9ce8c7a880a49c8ee9f4f040943a11edae00893d2b22ca844c61de93',
    statedBy: 2,
  }),
  crun('x86_64', 'amd64', {
    sha256: '0a5ea25cafe618bbfbf1c747871155063619f18025ccdd8ad648c97633f35d57',
    statedBy: 6,
    size: 3_580_152,
  }),
  crun('aarch64', 'arm64', {
    sha256: '1ea99c6fc7a8e17a4a1d666df09cccb0769a4db0aa738cf38c967a777a731b1d',
    statedBy: 2,
  }),
  youki('x86_64', { statedBy: 0 }),
  youki('aarch64', {
    sha256: 'b96c05c2c82f1d20a74b611188fa120894c50a6128f73856bb371604ecb69bd0',
    statedBy: 3,
  }),
  {
    name: 'osv',
    version: '0.57.0',
    arch: 'x86_64',
    license: 'BSD-3-Clause',
    files: [osvFile(''), osvFile('-microvm')],
    programs: { 'loader.elf': 'loader.elf', 'loader-microvm.elf': 'loader-microvm.elf' },
    platforms: ['osv'],
    notes: 'No public file states a digest of the loaders.',
  },
]

/** Returns the releases for an architecture, newest first within a name. */
export const releasesFor = (arch: string, from: readonly Release[] = releases): readonly Release[] =>
  from
    .filter((release) => release.arch === arch)
    .toSorted((a, b) => (a.name === b.name ? compareVersions(b.version, a.version) : a.name < b.name ? -1 : 1))

/** Returns a release for an architecture: the given version, or the newest one. Undefined if there is none. */
export const findRelease = (name: string, version?: string, arch = hostArch()): Release | undefined =>
  releasesFor(arch).find((release) => release.name === name && [undefined, release.version].includes(version))
