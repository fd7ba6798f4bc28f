/** podman's settings: locks as files rather than in the host's shared memory, and nothing of the host's configuration. */
export const podmanSettings = (networks: string) => `[engine]
lock_type = "file"
cgroup_manager = "cgroupfs"
events_logger = "none"
[network]
network_config_dir = ${JSON.stringify(networks)}
`
