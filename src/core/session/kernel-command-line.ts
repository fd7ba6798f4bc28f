/**
 * Parameters of the kernel command line that change what benches measure (Documentation/admin-guide/
 * kernel-parameters.txt). Their values are not secret.
 */
const recorded = new Set(
  [
    'amd_iommu amd_pstate apparmor cgroup_disable cgroup_enable cgroup_no_v1 clocksource cpufreq.default_governor',
    'cpuidle.off default_hugepagesz elevator gather_data_sampling hugepages hugepagesz idle init_on_alloc',
    'init_on_free intel_idle intel_idle.max_cstate intel_iommu intel_pstate iommu iommu.passthrough iommu.strict',
    'irqaffinity isolcpus kaslr kpti kvm-intel.nested kvm.nx_huge_pages l1tf lockdown lsm maxcpus mce mds mem',
    'mitigations mmio_stale_data net.ifnames nmi_watchdog no_timer_check noapic nohz nohz_full nokaslr nokpti nopti',
    'nopv nosmt nosoftlockup nospec_store_bypass_disable nospectre_v1 nospectre_v2 nowatchdog nox2apic nr_cpus numa',
    'numa_balancing nvme.poll_queues page_alloc.shuffle page_poison panic pcie_aspm pcie_aspm.policy preempt',
    'processor.max_cstate pti quiet randomize_kstack_offset rcu_nocb_poll rcu_nocbs reboot reg_file_data_sampling',
    'retbleed ro rw security selinux skew_tick slab_nomerge slub_debug spec_rstack_overflow',
    'spec_store_bypass_disable spectre_bhi spectre_v2 spectre_v2_user splash srbds swapaccount swiotlb',
    'systemd.unified_cgroup_hierarchy threadirqs tick_nohz transparent_hugepage tsc tsx tsx_async_abort',
    'vm.overcommit_memory vsyscall zswap.enabled',
  ].flatMap((line) => line.split(' ')),
)

/** Replaces a value that may be secret. */
const hidden = '<hidden>'

/** Splits the command line at spaces outside of double quotes, as the kernel's `next_arg` does (lib/cmdline.c). */
const wordsOf = (text: string): readonly string[] => text.match(/(?:[^\s"]|"[^"]*(?:"|$))+/g) ?? []

/**
 * Returns the kernel's command line without values that may be secret, such as a password for the first process or a
 * token of the installer. The names of the parameters stay. After `--`, everything is an argument of the first process.
 */
export function publicCommandLine(text: string): string {
  const words = wordsOf(text)
  const end = words.indexOf('--')
  const shown = (end < 0 ? words : words.slice(0, end)).map((word) => {
    const bare = word.replaceAll('"', '')
    const [name = '', ...value] = bare.split('=')
    // The kernel treats `-` and `_` in names as equal.
    const known = recorded.has(name) || recorded.has(name.replaceAll('-', '_'))
    if (known) return bare
    // A word without `=` may be a value that lost its name: only plain names are shown.
    if (value.length === 0) return /^[a-z][a-z0-9_.-]{0,31}$/.test(bare) ? bare : hidden
    return `${name}=${hidden}`
  })
  return [...shown, ...(end < 0 ? [] : ['--', hidden])].join(' ')
}
