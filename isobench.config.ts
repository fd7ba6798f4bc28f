import { defineConfig, platform } from 'isobench'

export default defineConfig({
  include: ['benches/**/*.bench.ts'],
  guest: { cpus: 1, memory: '1GiB' },
  platforms: [
    platform('native'),
    platform('native', { name: 'native-loopback', network: 'loopback', tags: ['ablation'] }),
    platform('runc'),
    platform('crun'),
    platform('docker'),
    platform('docker', { runtime: 'runsc', name: 'docker-gvisor', tags: ['engine'] }),
    platform('podman'),
    platform('podman', { rootless: true, name: 'podman-rootless', tags: ['rootless'] }),
    platform('lxc'),
    platform('lxc', { name: 'lxc-systemd', init: 'systemd' }),
    platform('bubblewrap'),
    platform('nspawn'),
    platform('gvisor', { mode: 'systrap' }),
    platform('gvisor', { name: 'gvisor-ptrace', mode: 'ptrace' }),
    platform('gvisor', { name: 'gvisor-kvm', mode: 'kvm' }),
    platform('gvisor', { name: 'gvisor-gofer', flags: ['--directfs=false'], tags: ['ablation'] }),
    platform('gvisor', { name: 'gvisor-hostnet', flags: ['--network=host'], tags: ['ablation'] }),
    platform('qemu'),
    platform('qemu', { name: 'qemu-q35', machine: 'q35' }),
    platform('qemu', { name: 'qemu-qboot', firmware: 'qboot' }),
    platform('qemu', { name: 'qemu-microvm', machine: 'microvm' }),
  ],
})
